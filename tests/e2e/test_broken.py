"""Backends that do not exist, or whose answers are not HTTP.

The table of docs/security.md has the result of each, row by row.
"""

import re
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.e2e.conftest import Edge
from tests.e2e.origin import BROKEN

CUT = "200, cut"
# How long an answer can take, in seconds. Of some 400 that end within their head, Pushpin 1.36 gives up one after a minute only.
LONGEST = 75
# The status of an answer that looks complete, however much of its content arrives.
WHOLE = "200 "
NOTHING = "nothing in time"
HUNG_UP = "hung up"
# Each row of the table, by its first cell: answers of BROKEN, each with what the client gets of a handoff and of a forward; where
# the edges differ, "embedded | viceroy", and where an old Pushpin differs too, "embedded | viceroy | old". Pushpin's "or" is how
# far it was when the connection ended.
ROWS: dict[str, list[tuple[str, str, str]]] = {
    "nothing, not HTTP, half the headers": [
        ("nothing", "502", "502"),
        ("garbage", "502", "502"),
        ("half a head", "502", "502"),
    ],
    "status 0, 99, 1000, abc": [(f"status {status}", "502", "502") for status in ("0", "99", "1000", "abc")],
    "status 600": [("status 600", "600 hi", "600 hi")],
    "a 100 and nothing after it": [("100 alone", "502", "502")],
    "103 with instructions, then 200": [("103 and 200", f"200 hi | {NOTHING} | 200 hi", "200 hi")],
    "an unrequested 101": [("101", f"502 | 101 or {HUNG_UP}", "502")],
    "a body that is shorter than its `Content-Length`": [("a short body", f"{CUT} | {CUT} or 502 or {HUNG_UP}", CUT)],
    "a body that is longer than its `Content-Length`": [("a long body", "200 hi", "200 hi")],
    "a chunk that is cut off": [("a cut chunk", f"{CUT} | {WHOLE} or 502 or {HUNG_UP} | 200 hih or 502", CUT)],
    "a malformed chunk": [("a bad chunk", f"{CUT} | {WHOLE} or 502 or {HUNG_UP} | 502 or {CUT}", CUT)],
    "two lengths": [("two lengths", "502 | 200", "502")],
    "a space in a name, a bare CR": [("a space in a name", "502", "502"), ("a bare CR", "502", "502")],
    "a control character in a header or the reason": [
        ("an escape in a header", "502", "502"),
        ("a delete in a header", "502", "502"),
        ("an escape in the reason", "502", "502"),
    ],
    "a control character in instructions": [
        ("an escape in instructions", "502", "502"),
        ("an escape in the reason of instructions", "502", "502"),
    ],
    "a header of 90,000 bytes": [("a huge header", "200 hi | 502", "200 hi")],
    "instructions in trailers": [("instructions in trailers", "200 hi", "200 hi")],
}
CASES = [
    pytest.param(name, kind, expected, id=f"{name}-{kind}")
    for answers in ROWS.values()
    for name, *both in answers
    for kind, expected in zip(("handoff", "forward"), both, strict=True)
]


def test_the_table_of_the_docs_is_what_is_asked() -> None:
    table = (REPOSITORY / "docs" / "security.md").read_text().partition("| a backend's answer |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| (\w.*?) \| ", table, re.MULTILINE) == list(ROWS)
    assert {name for answers in ROWS.values() for name, _, _ in answers} == set(BROKEN)


@pytest.mark.parametrize(("name", "kind", "expected"), CASES)
def test_a_broken_answer(hostile_edge: Edge, name: str, kind: str, expected: str) -> None:
    embedded, viceroy, old = [*expected.split(" | "), "", ""][:3]
    newer = embedded if hostile_edge.name == "embedded" else viceroy or embedded
    wanted = old or newer if hostile_edge.has_old_pushpin else newer
    target = f"/broken/{quote(name)}{'?forward' * (kind == 'forward')}"
    answer = outcome_of(hostile_edge, target, 5 if wanted == NOTHING else LONGEST)
    assert answer.startswith(tuple(wanted.split(" or ")))


def outcome_of(edge: Edge, target: str, timeout: float = LONGEST) -> str:
    """Returns the status and content of an answer, and asserts that it has no instructions."""
    try:
        with edge.client.stream("GET", target, headers={"Connection": "close"}, timeout=timeout) as answer:
            assert not [name for name in answer.headers if name.startswith("grip-")]
            if answer.status_code == 101:
                return "101"
            content = b""
            try:
                for chunk in answer.iter_raw():
                    content += chunk
            except httpx.RemoteProtocolError:
                return f"{answer.status_code}, cut"
            return f"{answer.status_code} {content.decode()}"
    except httpx.RemoteProtocolError:
        return HUNG_UP
    except httpx.ReadTimeout:
        return NOTHING


@pytest.mark.parametrize(("kind", "text"), [("handoff", ""), ("forward", "The backend 'nowhere' cannot be reached.\n")])
def test_a_backend_that_is_not_there(hostile_edge: Edge, kind: str, text: str) -> None:
    answer = hostile_edge.request("GET", f"/nowhere/{kind}")
    assert answer.status_code == 502
    assert text in answer.text
