"""Tests that a request and a decision come through a block of bytes unchanged."""

from ipaddress import IPv6Address
from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime import blocks
from fanroute_runtime.messages import Answer, ToFanout
from fanroute_runtime.plan import HeaderRules

NAMES = st.from_regex(r"[a-z0-9!#$%&'*+.^_`|~-]{1,9}", fullmatch=True)
# A server refuses these in values of headers.
VALUES = st.binary(max_size=20).filter(lambda value: not {0, 10} & set(value))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS, TEXTS, HEADERS, st.integers(0, 2**64 - 1), st.sampled_from([b"", bytes([192, 0, 2, 1])]), st.booleans())
def test_a_request(method: str, uri: str, headers: tuple[tuple[str, bytes], ...], now: int, address: bytes, tls: bool) -> None:
    block = blocks.gather(method, uri, headers, now, address, tls)
    found = blocks.Gathered(block)
    assert (found.method(), found.uri(), found.now()) == (method, uri, now)
    assert (found.client_address(), found.client_scheme()) == ("192.0.2.1" if address else None, "https" if tls else "http")
    names = [name for name, _ in headers]
    assert found.names() == list(dict.fromkeys(names))
    for name in (*names, "absent", *(name[1:] for name in names), *(f"{name}x" for name in names)):
        values = [value for key, value in headers if key == name]
        assert found.values(name) == values
        assert found.header(name) == (values[0] if values else None)


@pytest.mark.parametrize("address", ["::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80:1:2:3:4:5:6:7"])
def test_an_address_of_ipv6(address: str) -> None:
    """The host gives eight groups, which are integers."""
    groups = unpack_from(">8H", IPv6Address(address).packed)
    memory = b"".join(group.to_bytes(2, "little") for group in groups)
    block = blocks.REQUEST.pack(1, 1, 0, 0, 0, 0, blocks.IPV6, False, memory) + b"\n"
    assert blocks.Gathered(block).client_address() == str(IPv6Address(address))


def decoded(block: bytes) -> tuple[tuple[int, ...], list[tuple[int, bytes, bytes]], bytes]:
    wait, count, size, status, kind, asks = blocks.DECISION.unpack_from(block)
    at, changes = blocks.DECISION.size, []
    for _ in range(count):
        operation, name, value = blocks.CHANGE.unpack_from(block, at)
        text = block[at + blocks.CHANGE.size :][: name + value]
        changes.append((operation, text[:name], text[name:]))
        at += blocks.CHANGE.size + name + value
    assert size == len(block) - at
    return (wait, status, kind, asks), changes, block[at:]


@given(st.integers(200, 599), HEADERS, st.binary(max_size=30), st.none() | st.integers(0, 10**6))
def test_an_answer(status: int, headers: tuple[tuple[str, bytes], ...], body: bytes, wait: int | None) -> None:
    head, changes, rest = decoded(blocks.encode_answer(Answer(status, headers, body), wait))
    assert head == (wait or 0, status, blocks.ANSWER, wait is not None)
    assert changes == [(blocks.APPEND, name.encode(), value) for name, value in headers]
    assert rest == body


@given(HEADERS, HEADERS, st.lists(NAMES).map(tuple), st.none() | TEXTS)
def test_a_handoff(
    replaced: tuple[tuple[str, bytes], ...], added: tuple[tuple[str, bytes], ...], removed: tuple[str, ...], uri: str | None
) -> None:
    """Only headers that the request has are removed."""
    to = ToFanout("origin", HeaderRules(replaced, added, removed), uri)
    _, changes, rest = decoded(blocks.encode_handoff(to, removed[::2], 1000))
    expected = [(blocks.REMOVE, name.encode(), b"") for name in removed if name in removed[::2]]
    expected += [(blocks.INSERT, name.encode(), value) for name, value in replaced]
    expected += [(blocks.APPEND, name.encode(), value) for name, value in added]
    expected += [] if uri is None else [(blocks.SET_URI, b"", uri.encode())]
    assert changes == expected
    assert rest == b"origin"
