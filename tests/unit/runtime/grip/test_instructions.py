"""Tests the answers that make Fanout hold a connection."""

from dataclasses import dataclass

import pytest

from fanroute_runtime.grip.instructions import MAX_VALUE, expand_value, hold
from fanroute_runtime.messages import Answer, Refused
from fanroute_runtime.plan import Bound, Channel, Hold


@dataclass
class Asked:
    """A request of Fanout, with or without a Grip-Last."""

    verb: str = "GET"
    last: bytes | None = None

    def method(self) -> str:
        return self.verb

    def uri(self) -> str:
        return "http://a/"

    def header(self, name: str) -> bytes | None:
        return self.last if name == "grip-last" else None

    def values(self, name: str) -> list[bytes]:
        value = self.header(name)
        return [] if value is None else [value]

    def names(self) -> list[str]:
        raise AssertionError("what Fanout asks goes nowhere")

    def body(self, limit: int) -> bytes:
        raise AssertionError("a hold has no use for a body")

    def client_address(self) -> str | None:
        return None

    def client_scheme(self) -> str:
        return "http"


AFTER = (Bound("query", "after"),)
STREAM = Hold(
    "self",
    "stream",
    (Channel(("a",), ("skip-self", "build-id"), AFTER), Channel(("b",))),
    (),
    meta=(("user", ("u-", *AFTER)), ("id_format", ("%(a)s",))),
    link=("/missed?after=", *AFTER),
    body=b"first",
)
POLL = Hold("self", "response", (Channel(("a",), prev_id=AFTER),), (("x", b"y"),), status=202, body=b"nothing")


def held(action: Hold, after: str | None, asked: Asked | None = None) -> Answer:
    return hold(action, asked or Asked(), lambda bound: after)


def test_all_instructions_are_given() -> None:
    instructions = (
        ("grip-hold", b"stream"),
        ("grip-channel", b"a; prev-id=7; filter=skip-self; filter=build-id, b"),
        ("grip-set-meta", b"user=u-7, id_format=%(a)s"),
        ("grip-link", b"</missed?after=7>; rel=next"),
    )
    assert held(STREAM, "7") == Answer(200, instructions, b"first")


@pytest.mark.parametrize("after", ["", "a,b", "a;filter=x", 'a"', "a\r\nGrip-Channel: x", " ", "é", "x" * (MAX_VALUE + 1), None])
def test_what_is_no_previous_id_is_refused(after: str | None) -> None:
    for action, verb in ((STREAM, "GET"), (POLL, "GET"), (POLL, "HEAD")):
        with pytest.raises(Refused) as refused:
            held(action, after, Asked(verb))
        assert refused.value.status == 400


def test_a_link_is_encoded() -> None:
    answer = held(STREAM, "a>/?&=b")
    assert dict(answer.headers)["grip-link"] == b"</missed?after=a%3E%2F%3F%26%3Db>; rel=next"


def test_a_meta_variable_is_a_value() -> None:
    named = Hold("self", "stream", (Channel(("a",)),), (), meta=(("user", AFTER),))
    assert dict(held(named, "ann").headers)["grip-set-meta"] == b"user=ann"
    with pytest.raises(Refused, match=r"The request gives no valid 'user': \{query.after\} has"):
        held(named, "ann, admin=yes")


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (None, "{query.after} is not UTF-8"),
        ("", "{query.after} is empty"),
        ("%41", "{query.after} is still percent-encoded"),
        ("café", "{query.after} has a character that is not printable ASCII"),
        ("a\tb", "{query.after} has a character that is not printable ASCII"),
        ("a;b", "{query.after} has the character ';'"),
        ('a"b', "{query.after} has the character '\"'"),
        ("a ", "it begins or ends with a space"),
        ("a" * MAX_VALUE, "it has more than 256 characters"),
    ],
)
def test_a_refusal_says_which_value_is_wrong_and_why_but_not_the_value(after: str | None, fault: str) -> None:
    with pytest.raises(Refused) as refused:
        expand_value(("room-", *AFTER), lambda bound: after, "channel")
    assert (refused.value.status, refused.value.reason) == (400, f"The request gives no valid channel: {fault}.")
    with pytest.raises(Refused, match=r"channel: \{room\} is empty\."):
        expand_value((Bound("path", "room"), *AFTER), lambda bound: "" if bound.source == "path" else after, "channel")


def test_a_poll_that_has_missed_something_ends_at_once() -> None:
    """Fanout noticed it, and repeats the request with a Grip-Last."""
    assert dict(held(POLL, "7").headers)["grip-hold"] == b"response"
    assert held(POLL, "7", Asked(last=b"a; last-id=7")) == Answer(202, (("x", b"y"),), b"nothing")
    assert dict(held(STREAM, "7", Asked(last=b"a; last-id=7")).headers)["grip-hold"] == b"stream"
