"""The canonical form of routes.yaml: nothing is lost, the meaning does not change, and formatting again changes nothing."""

from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from fanroute.cli.catalog import CODES
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.formatting import formatter
from fanroute.formatting.comments import find_comments
from fanroute.formatting.formatter import MeaningChanged, format_routes
from tests.conftest import INPUTS, REPOSITORY

CASES = sorted((REPOSITORY / "tests" / "golden" / "cases").glob("*/routes.yaml"))


def form(text: str) -> str:
    return format_routes(text.encode(), INPUTS)


def told(text: str) -> Counter[str]:
    """Returns the comments of a text."""
    return Counter(comment.text for comment in find_comments(text, yaml.scan(text, Loader=yaml.BaseLoader)) if comment.text)


FORMS = {
    "keys in the reference's order": (
        """\
        routes:
          - handoff: origin
            match: {method: GET, path: /}
            name: a
        backends: {origin: {local: "http://x", url: "http://y"}}
        version: 1
        service: {name: x}
        """,
        """\
        version: 1
        service: {name: x}
        backends: {origin: {url: "http://y", local: "http://x"}}
        routes:
          - name: a
            match: {path: /, method: GET}
            handoff: origin
        """,
    ),
    "names stay in their order": (
        "backends: {b: {loopback: true}, a: {url: http://x}}\n",
        'backends: {b: {loopback: true}, a: {url: "http://x"}}\n',
    ),
    "unknown keys stay at the end": (
        "routes: [{zzz: 1, handoff: a, yyy: 2, name: b}]\n",
        "routes: [{name: b, handoff: a, zzz: 1, yyy: 2}]\n",
    ),
    "indentation": (
        """\
        routes:
        -   name:    a
            match:
                 host:
                 - a
                 -   b
        """,
        """\
        routes:
          - name: a
            match:
              host:
                - a
                - b
        """,
    ),
    "what is in braces stays there while it is short": (
        f"""\
        routes:
          - {{sse: {{channel: [a, b], body: {"c" * 64}}}}}
          - {{sse: {{channel: [a, b], body: {"c" * 65}}}}}
        """,
        f"""\
        routes:
          - {{sse: {{channel: [a, b], body: {"c" * 64}}}}}
          - sse: {{channel: [a, b], body: {"c" * 65}}}
        """,
    ),
    "braces over lines": (
        """\
        backends: {
          self: {loopback: true},

          origin: {
            url: http://x }
        }
        """,
        'backends: {self: {loopback: true}, origin: {url: "http://x"}}\n',
    ),
    "quotes where they are needed": (
        """\
        service: {'name': "x"}
        routes:
          - "match": {query: {a: on, b: "010", c: 'yes', d: 1e3, e: "e", f: '', g: "~", h: 1.0, i: 2026-01-01, j: '{"a": 1}'}}
            respond: {status: 200, body: 'it''s "x"'}
        """,
        """\
        service: {name: x}
        routes:
          - match:
              query:
                a: "on"
                b: "010"
                c: "yes"
                d: "1e3"
                e: e
                f: ""
                g: "~"
                h: "1.0"
                i: "2026-01-01"
                j: '{"a": 1}'
            respond: {status: 200, body: it's "x"}
        """,
    ),
    "texts of several lines": (
        """\
        routes:
          - respond:
              body: |   # as it is

                indented by nothing
              status: 200
          - respond:
              body: |-
                a: 1
                  b # no comment

              status: 200
          - respond: {status: 200, body: "a
              b"}
          - respond:
              status: 200
              body: >
                folded
                to one
        """,
        """\
        routes:
          - respond:
              status: 200
              body: "\\nindented by nothing\\n"  # as it is
          - respond:
              status: 200
              body: |-
                a: 1
                  b # no comment
          - respond: {status: 200, body: a b}
          - respond:
              status: 200
              body: |
                folded to one
        """,
    ),
    "comments go with what they are about": (
        """\
        #!head

        # about the service
        service: {name: x}   # beside it
        # about the version
        version: 1
        routes:   # all of them

           # about the first
           - # beside the dash
             # above the action
             handoff: origin   # the action
             # above the name
             name: a
             # at the end of a


           # about b

           - name: b
             match: { host: x, # in braces
               # above the path
               path: / }  # after the braces
           # - a third one
        # at the end
        """,
        """\
        #!head

        # about the version
        version: 1
        # about the service
        service: {name: x}  # beside it
        routes:  # all of them
          # about the first
          # beside the dash
          # above the name
          - name: a
            # above the action
            handoff: origin  # the action
            # at the end of a

          # about b

          - name: b
            match:
              host: x  # in braces
              # above the path
              path: /  # after the braces
          # - a third one
        # at the end
        """,
    ),
    "blank lines": ("\n\n\nversion: 1\n\n\n\nservice:\n\n  name: x\n\n\n", "version: 1\n\nservice:\n  name: x\n"),
    "no document marks": ("%YAML 1.1\n# a\n---  # b\nversion: 1\n...\n# c\n", "# a\n# b\nversion: 1\n# c\n"),
    "line ends": ("\ufeffversion: 1  # a\r\nservice: {name: x}\r\n", "version: 1  # a\nservice: {name: x}\n"),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form(kind: str) -> None:
    given_text, expected = map(dedent, FORMS[kind])
    assert form(given_text) == expected
    assert form(expected) == expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_a_case_means_the_same(path: Path) -> None:
    """`format_routes` itself compares what is compiled. A file that cannot be parsed has the diagnostics of `check`."""
    raw = path.read_bytes()
    try:
        done = format_routes(raw, INPUTS)
    except Invalid as invalid:
        assert not (path.parent / "app.py").exists()
        assert {diagnostic.code for diagnostic in invalid.diagnostics} <= {code for code in CODES if code < "FR2"} | {"FR204"}
    else:
        assert format_routes(done.encode(), INPUTS) == done


def test_the_repositorys_own_is_formatted() -> None:
    own = (REPOSITORY / "routes.yaml").read_bytes()
    assert format_routes(own, INPUTS).encode() == own


LOSSES = {
    "a comment": ("_indented", lambda comments, *_, **__: iter(())),
    "quotes": ("yaml_scalar", lambda text, in_flow: text),
    "a text": ("yaml_scalar", lambda text, in_flow: '"x"'),
    "the order of routes": ("_in_order", lambda entry, _: entry.children[::-1]),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_noticed(monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    """If formatting had a bug, it would give nothing rather than something else."""
    text = (REPOSITORY / "routes.yaml").read_text()
    assert form(text)
    monkeypatch.setattr(formatter, *LOSSES[loss])
    with pytest.raises(MeaningChanged):
        form(text)
