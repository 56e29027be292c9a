"""Instructions and patches that the embedded edge reads, from any bytes. tests/e2e/test_instructions.py has both edges."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.devserver.grip_headers import Channel, Hold, KeepAlive
from fanroute.devserver.instructions import INSTRUCT, BadInstructions, Instructions, has_instructions, read_instructions
from fanroute.devserver.patching import apply_patch
from tests.conftest import times
from tests.support.counts import COUNTS

OF_BODY = {"content-type": INSTRUCT}


def read(instruct: Any, **given: str) -> Instructions:
    headers = OF_BODY | {name.replace("_", "-"): value for name, value in given.items()}
    return read_instructions(200, "OK", headers, (("X-A", "1"),), json.dumps(instruct).encode())


def test_a_body_says_how_to_hold() -> None:
    hold = {
        "mode": "stream",
        "channels": [{"name": "a", "prev-id": "1", "filters": ["x"]}, {"name": "b"}],
        "timeout": "20",
        "keep-alive": {"content": "k"},
        "meta": {"user": "ann"},
    }
    assert read({"hold": hold}) == Instructions(
        Hold("stream", (Channel("a", ("x",), "1"), Channel("b")), {"user": "ann"}, 20.0, KeepAlive(b"k", 55.0, interval=True)),
        200,
        "OK",
        (),
        b"",
    )


def test_headers_and_a_body_are_put_together() -> None:
    given = {"grip_hold": "response", "grip_channel": "a", "grip_link": "</x>; rel=next", "grip_status": "404 Nope"}
    said = read({"hold": {"channels": [{"name": "b"}]}}, **given)
    assert said.hold == Hold("response", (Channel("a"), Channel("b")), link="/x")
    assert (said.status, said.reason) == (404, "Nope")


@pytest.mark.parametrize(
    ("names", "content_type", "has"),
    [
        (["content-type"], "text/plain", False),
        (["gripe"], "", False),
        (["GRIP-foo"], "", True),
        ([], "application/grip-instruct; charset=utf-8", True),
        ([], "Application/Grip-Instruct", False),
    ],
)
def test_what_is_for_fanout_is_known(names: list[str], content_type: str, has: bool) -> None:
    assert has_instructions(names, content_type) is has


NAMES = st.sampled_from(
    "hold response mode channels name filters prev-id timeout keep-alive content meta code reason headers body".split()
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["stream", "response", "next"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=30)
GRIP = st.dictionaries(
    st.sampled_from(
        ["grip-hold", "grip-channel", "grip-timeout", "grip-status", "grip-link", "grip-expose-headers", "grip-set-meta"]
    ),
    st.text() | st.sampled_from(["stream", "response", "404 x", "a; prev-id=1", "</a>; rel=next", "9" * 5000]),
)


@times(5)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), GRIP, st.booleans())
def test_any_answer_is_read_or_refused(body: bytes, headers: dict[str, str], instruct: bool) -> None:
    COUNTS["answers with instructions"] += 1
    try:
        said = read_instructions(200, "OK", headers | (OF_BODY if instruct else {}), (("A", "b"),), body)
    except BadInstructions as refused:
        str(refused).encode()
        return
    assert 0 <= said.status <= 999


POINTERS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "", "a~1b", "00", "٣"]), max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
        optional={"path": POINTERS | LEAVES, "from": POINTERS | LEAVES, "value": LEAVES | st.just({"a": [1]})},
    )
    | LEAVES,
    max_size=5,
)


@times(5)
@given(OPERATIONS, st.sampled_from([b'{"a": {"b": [1, 2]}, "b": 1}\n', b"[[1], {}]", b"1", b"", b"\xff"]))
def test_any_patch_gives_json_or_nothing(operations: list[Any], body: bytes) -> None:
    COUNTS["patches"] += 1
    result = apply_patch(body, operations)
    assert result == b"" or isinstance(json.loads(result), dict | list)


def test_a_deep_patch_is_no_failure() -> None:
    deep = json.loads('{"a":' * 900 + "1" + "}" * 900)
    for operations in ([{"op": "add", "path": "/x", "value": deep}], [{"op": "test", "path": "/", "value": deep}]):
        assert isinstance(apply_patch(json.dumps(deep).encode(), operations), bytes)


def test_a_patch_leaves_what_it_is_given() -> None:
    """All connections of a channel apply the same patch, so applying it must not change it."""
    value: dict[str, Any] = {"a": []}
    operations = [{"op": "add", "path": "/x", "value": value}, {"op": "add", "path": "/x/a/-", "value": 1}]
    assert [apply_patch(b"{}", operations) for _ in range(2)] == [b'{"x":{"a":[1]}}'] * 2
    assert value == {"a": []}
