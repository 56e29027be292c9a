"""The canonical form of routes.yaml: nothing is lost, nothing means anything else, and formatting twice is formatting once."""

import re
from collections import Counter
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fanroute import formatting
from fanroute.comments import comments
from fanroute.diagnostics import Invalid
from fanroute.formatting import Changed, formatted
from fanroute.rules import CODES
from fanroute.scalars import literal
from fanroute.source import load, unquoted
from tests.conftest import REPOSITORY, SURROUNDINGS

CASES = sorted((REPOSITORY / "tests" / "cases").glob("*/routes.yaml"))


def form(text: str) -> str:
    return formatted(text.encode(), SURROUNDINGS)


def told(text: str) -> Counter[str]:
    """The comments of a text."""
    return Counter(comment.text for comment in comments(text, yaml.scan(text, Loader=yaml.BaseLoader)) if comment.text)


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


WORDS = """
on 010 yes 1e3 ~ null true 0o7 1_000 12:30 2026-01-01 - ? # : a: { } [a] *a &a !a %a @a `a` | > ' " \\ ${A} --- ... << = .inf 0x1f
""".split()
ODD = ["", " ", "- a", "a: b", "a #b", "a\nb", "\n", "a\n\n", " a\n", "a\tb", "${A:-b c}"]
UNICODE = ["é", "\u00a0", "\u2028", "\u0085", "\ufeff", "\U0001f600"]
HOSTILE = st.sampled_from([*WORDS, *ODD, *UNICODE])
TEXT = HOSTILE | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"), max_size=12)
SCALAR = TEXT | st.booleans() | st.integers(-(10**17), 10**17)
DATA = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=12)
NAMES = st.sampled_from(["routes", "version", "service", "backends", "zzz"])
FILES = st.dictionaries(NAMES, DATA, min_size=1, max_size=4)


COMMENT = st.sampled_from(["# about", "#", "#!x: {y", "# - 'a", "# \u00e9\t# b"])


class Writer:
    """Writes data as YAML in a way that is drawn: in any style, and with comments wherever there can be some."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def maybe(self, chance: int = 4) -> bool:
        return self.draw(st.integers(1, chance)) == chance

    def comment(self) -> str:
        return self.draw(COMMENT)

    def above(self) -> list[str]:
        """Lines between others."""
        lines = []
        while self.maybe():
            lines.append(" " * self.draw(st.integers(0, 8)) + self.comment() if self.maybe(2) else "")
        return lines

    def beside(self) -> str:
        return " " * self.draw(st.integers(1, 3)) + self.comment() if self.maybe() else ""

    def scalar(self, value: str | int | bool, flow: bool = False) -> str:
        if not isinstance(value, str):
            return str(value).lower()
        if re.fullmatch("[a-z0-9.]+", value) and isinstance(unquoted(value), str) and value != "null" and self.maybe(2):
            return value
        style = self.draw(st.sampled_from(["'", '"', *([] if flow else [None])]))
        dumped = (yaml.dump(value, default_style=way, width=10**6, allow_unicode=True) for way in (style, '"'))
        lines = (text.removesuffix("...\n").removesuffix("\n") for text in dumped)
        return next(text for text in lines if not set(text) & set("\n\x85\u2028\u2029"))

    def flow(self, data: Any, indent: int) -> str:
        if not isinstance(data, dict | list):
            return self.scalar(data, flow=True)
        between = [f"{self.beside()}\n" + " " * (indent + 1) if self.maybe() else " " for _ in range(len(data) + 1)]
        items = [self.flow(item, indent) for item in (data.values() if isinstance(data, dict) else data)]
        if isinstance(data, dict):
            items = [f"{self.scalar(key, flow=True)}: {item}" for key, item in zip(data, items, strict=True)]
        inner = ",".join(space + item for space, item in zip(between, items, strict=False))
        opening, closing = "{}" if isinstance(data, dict) else "[]"
        return f"{opening}{inner}{between[-1]}{closing}"

    def value(self, head: str, data: Any, indent: int) -> list[str]:
        """The lines of a key or item; `head` is how it begins."""
        if not data or not isinstance(data, dict | list) or self.maybe(3):
            lines = literal(data) if isinstance(data, str) and self.maybe(2) else None
            if lines:
                return [f"{head} {lines[0]}{self.beside()}", *(" " * (indent + 2) + line if line else "" for line in lines[1:])]
            inline = self.flow(data, indent) if isinstance(data, dict | list) else self.scalar(data)
            return [f"{head} {inline}{self.beside()}"]
        return [head + self.beside(), *self.block(data, indent + self.draw(st.integers(1, 4)))]

    def block(self, data: Any, indent: int) -> list[str]:
        lines = []
        for key in data if isinstance(data, dict) else range(len(data)):
            head = f"{self.scalar(key)}:" if isinstance(data, dict) else "-"
            lines += [*self.above(), *self.value(" " * indent + head, data[key], indent)]
        return [*lines, *self.above()]


@st.composite
def texts(draw: st.DrawFn) -> str:
    return "\n".join(Writer(draw).block(draw(FILES), 0)) + "\n"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(texts())
def test_nothing_is_lost(text: str) -> None:
    """Neither data nor comments; and formatting again changes nothing."""
    done = form(text)
    assert (load(done).data, told(done)) == (load(text).data, told(text))
    assert form(done) == done


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(texts())
def test_every_reader_takes_it_for_the_same(text: str) -> None:
    """One of YAML 1.1 and one of YAML 1.2."""
    done = form(text)
    assert yaml.safe_load(done) == load(text).data
    assert YAML(typ="safe", pure=True).load(done) == load(text).data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_a_case_means_the_same(path: Path) -> None:
    """`formatted` itself compares what is compiled; one that cannot be read is told as `check` tells it."""
    raw = path.read_bytes()
    try:
        done = formatted(raw, SURROUNDINGS)
    except Invalid as invalid:
        assert not (path.parent / "app.py").exists()
        assert {diagnostic.code for diagnostic in invalid.diagnostics} <= {code for code in CODES if code < "FR2"} | {"FR204"}
    else:
        assert formatted(done.encode(), SURROUNDINGS) == done


def test_the_repositorys_own_is_formatted() -> None:
    own = (REPOSITORY / "routes.yaml").read_bytes()
    assert formatted(own, SURROUNDINGS).encode() == own


LOSSES = {
    "a comment": ("_indented", lambda comments, *_, **__: iter(())),
    "quotes": ("written", lambda text, flow: text),
    "a text": ("written", lambda text, flow: '"x"'),
    "the order of routes": ("_in_order", lambda part, _: part.children[::-1]),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_noticed(monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    """Where formatting had a fault, it would give nothing rather than something else."""
    text = (REPOSITORY / "routes.yaml").read_text()
    assert form(text)
    monkeypatch.setattr(formatting, *LOSSES[loss])
    with pytest.raises(Changed):
        form(text)
