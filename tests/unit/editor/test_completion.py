"""Tests what completion offers, and that an editor that takes the offer gets what `fanroute check` accepts."""

import re
from pathlib import Path

import pytest
from lsprotocol import types

from fanroute.editor.completion import completions_at
from fanroute.editor.document import Document
from fanroute.editor.language import language_of
from fanroute.editor.positions import Positions
from tests.support import editors

HEAD = (
    editors.HEAD
    + """\
  - match: {path: "/rooms/{room}/{id}", query: {v: "2"}, header: {X-Tenant: {present: true}, x-no: {present: false}}}
    auth: {keys: [], claims: {role: admin}, channels: rooms}
"""
)
CLAIMS = [f"{{claim.{name}}}" for name in ("role", "rooms", "sub", "iss", "aud", "jti", "scope")]


def offered(typed: str, head: str = HEAD) -> dict[str, str]:
    """Returns what is offered at the `|`, each with the text in which it is taken."""
    text = head + typed
    offset = text.index("|")
    text = text.replace("|", "", 1)
    document = Document("file:///routes.yaml", Path("/routes.yaml"), Positions(text))
    items = completions_at(document, document.positions.between(offset, offset).start, snippets=True)
    return {item.label: _taken(item, document) for item in items}


def _taken(item: types.CompletionItem, document: Document) -> str:
    edit = item.text_edit
    assert isinstance(edit, types.TextEdit)
    begin, end = (document.positions.offset_of(place) for place in (edit.range.start, edit.range.end))
    return document.text[:begin] + edit.new_text + document.text[end:]


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("    forward: |\n", ["origin", "self"]),
        ("    forward: o|\n", ["origin", "self"]),
        ("    forward: {backend: |}\n", ["origin", "self"]),
        ("    public: |\n", ["true"]),
        ('    sse: {channel: "{|"}\n', ["{room}", "{id}", "{query.v}", "{header.x-tenant}", *CLAIMS]),
        ('    redirect: {status: 302, location: "/a/{|\n', ["{room}", "{id}", "{query.v}", "{header.x-tenant}", *CLAIMS]),
        ("  - sse: {channel: news}\n  - sse: {channel: |}\n", ["news"]),
        ("  - match: {scheme: |}\n", ["http", "https"]),
        ("  - match: {websocket: |}\n", ["true", "false"]),
        ("  - match: {method: [GET, |]}\n", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        ('  - match: {path: "/{a}/{b}", where: {|}}\n', ["a", "b"]),
        ('  - match: {path: "/{a}/{b}", where: {a: x, |}}\n', ["b"]),
        ('  - match: {host: "{a}.example.com", path: "/{b}", where: {|}}\n', ["b", "a"]),
        ('  - match: {host: ["{a}.example.com"]}\n    sse: {channel: "{|"}\n', ["{a}"]),
        ("  - auth: {channels: |}\n", ["role", "rooms", "sub", "iss", "aud", "jti", "scope"]),
        ("    sse: {channel: x} # |\n", []),
    ],
)
def test_values_are_offered(typed: str, labels: list[str]) -> None:
    assert list(offered(typed)) == labels


def test_a_reference_is_completed_with_its_braces() -> None:
    assert offered('    sse: {channel: "a-{ro|}-b"}\n')["{room}"].endswith('"a-{room}-b"}\n')


def test_keys_are_offered_that_are_not_there() -> None:
    labels = set(offered("    |\n"))
    assert {"sse", "handoff", "name", "origins"} <= labels and not labels & {"match", "auth"}


def test_a_route_gets_one_action() -> None:
    assert not set(offered("    sse: {channel: x}\n    |\n")) & {"sse", "handoff", "respond"}


def test_a_key_that_has_a_value_is_replaced_alone() -> None:
    assert offered("    ha|: origin\n")["handoff"].endswith("    handoff: origin\n")


@pytest.mark.parametrize(
    ("key", "text"), [("sse", "{channel: $1}"), ("handoff", "$1"), ("respond", "{status: $1}"), ("public", "true")]
)
def test_a_key_comes_with_its_required_keys_only(key: str, text: str) -> None:
    assert offered("    |\n")[key].endswith(f"    {key}: {text}\n")


def test_an_empty_file_is_offered_all_keys() -> None:
    assert list(offered("|", "")) == list(language_of("routes").mappings_at(())[0]["properties"])


def test_each_snippet_is_a_snippet() -> None:
    stop = r"\$(\d+)|\$\{\d+[:|][^{}$]*\}"
    for path in ((), ("routes", 0), ("routes", 0, "match"), ("routes", 0, "sse"), ("backends", "a"), ("routes", 0, "auth")):
        for node in language_of("routes").mappings_at(path)[0]["properties"].values():
            assert "$" not in re.sub(stop, "", language_of("routes").snippet(node))


PROFILES = HEAD.replace("routes:", "auth_profiles:\n  staff: {keys: []}\n  members: {keys: [], claims: {team: a}}\nroutes:", 1)


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("  - auth: |\n", ["staff", "members"]),
        ("  - auth: s|\n", ["staff", "members"]),
        ("  - auth: {profile: |}\n", ["staff", "members"]),
        ("  - auth: {channels: |}\n", ["team", "role", "rooms", "sub", "iss", "aud", "jti", "scope"]),
    ],
)
def test_profiles_and_their_claims_are_offered(typed: str, labels: list[str]) -> None:
    assert [*offered(typed, PROFILES)] == labels
