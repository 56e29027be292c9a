"""Tests which headers are passed on, and which are reserved."""

import pytest

from fanroute.spec.headers import RESERVED, reserved_reason
from fanroute_runtime.http.headers import HOP_BY_HOP, PLATFORM_HEADERS, apply_rules, hop_by_hop_names, is_platform_header
from fanroute_runtime.plan import HeaderRules

HEADERS = (("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", b"4"))


@pytest.mark.parametrize(
    ("rules", "after"),
    [
        (HeaderRules(), HEADERS),
        (HeaderRules(set=(("a", b"5"),)), (("b", b"2"), ("c", b"4"), ("a", b"5"))),
        (HeaderRules(set=(("d", b"5"),)), (*HEADERS, ("d", b"5"))),
        (HeaderRules(add=(("a", b"5"),)), (*HEADERS, ("a", b"5"))),
        (HeaderRules(remove=("a", "d")), (("b", b"2"), ("c", b"4"))),
    ],
)
def test_rules_are_applied(rules: HeaderRules, after: tuple[tuple[str, bytes], ...]) -> None:
    assert apply_rules(rules, HEADERS) == after


@pytest.mark.parametrize(
    ("names", "connection", "gone"),
    [
        (["te", "accept", "keep-alive", "upgrade"], [b""], ["te", "keep-alive", "upgrade"]),
        (["te", "accept"], [], ["te"]),
        (["connection", "x-a", "x-b", "x"], [b"close, X-A ,x-c"], ["connection", "x-a"]),
        (["connection", "x-a", "x-b"], [b"x-B", b"", b"x-a"], ["connection", "x-a", "x-b"]),
        (["te-x", "x-te", ""], [b" , "], []),
    ],
)
def test_what_belongs_to_one_connection(names: list[str], connection: list[bytes], gone: list[str]) -> None:
    assert [name for name in hop_by_hop_names(names, connection) if name] == gone


@pytest.mark.parametrize("name", ["Grip-Sig", "GRIP-HOLD", "grip-", "Sec-WebSocket-Key", *sorted(HOP_BY_HOP)])
def test_some_headers_are_nobodys_anywhere(name: str) -> None:
    assert all(reserved_reason(name, place) for place in ("match", "request", "response", "answer"))


@pytest.mark.parametrize(
    "name",
    [
        "Gri",
        "Grip",
        "X-Grip-Sig",
        "XForwarded-For",
        "Fastly",
        "TE-X",
        "Accept-Encoding",
        "Metadata",
        "X-Meta-A",
        "Set-Meta-A",
        "",
    ],
)
def test_near_misses_are_the_users(name: str) -> None:
    assert not any(reserved_reason(name, place) for place in ("match", "request", "response", "answer"))


def test_where_a_header_is_the_users() -> None:
    assert {place for place in ("match", "request", "response", "answer") if not reserved_reason("Host", place)} == {
        "response",
        "answer",
    }
    assert {place for place in ("match", "request", "response", "answer") if not reserved_reason("Location", place)} == {
        "match",
        "request",
        "response",
    }
    assert not reserved_reason("x-forwarded-for", "response") and reserved_reason("x-forwarded-for", "request")


def test_what_a_client_cannot_send_is_neither_matched_nor_changed() -> None:
    """The first pass removes such a header, so the second pass would see a different request."""
    for name in PLATFORM_HEADERS:
        for written in (f"{name}x" if name.endswith("-") else name, name.replace("-", "_") + "x" * name.endswith("-")):
            assert is_platform_header(written)
            assert all(reserved_reason(written.upper(), place) for place in ("match", "request"))


def test_reasons_are_mends() -> None:
    for name, reasons in RESERVED.items():
        assert name == name.lower()
        assert all(reason and not reason.endswith(".") for reason in reasons.values())
