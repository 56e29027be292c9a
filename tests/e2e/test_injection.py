"""Clients write characters into a channel's parameter to get at another channel: the edge refuses, and subscribes nobody.

Each value is tried on each kind of connection, in the path, the query and a header. Then items are published on the channels that
it could have meant, and last on one that a witness holds. Once the witness has its item, no other item is still on its way.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

KINDS = ["stream", "sse", "poll", "socket"]
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

# Values by description: as text in a path and a query, and as bytes in a header (None if a header cannot contain it).
VALUES: dict[str, tuple[str, bytes | None]] = {
    "a comma": ("a,room-own", b"a,room-own"),
    "a comma, encoded": ("a%2Croom-own", b"a , room-own"),
    "a semicolon": ("own%3Bprev-id%3D0", b"own; prev-id=0"),
    "a filter": ("own%3B%20filter%3Dskip-self", b"own; filter=skip-self"),
    "quotes": ("%22own%22", b'"own"'),
    "a line": ("a%0D%0AGrip-Channel:%20room-own", None),
    "a line feed": ("a%0AGrip-Channel:%20room-own", None),
    "a carriage return": ("own%0D", None),
    "a NUL": ("own%00", None),
    "a tab": ("own%09x", b"own\tx"),
    "a control character": ("own%1B", b"own\x7f"),
    "beyond ASCII": ("%C3%B6wn", "öwn".encode()),
    "a full-width comma": ("a%EF%BC%8Croom-own", "a，room-own".encode()),
    "a right-to-left mark": ("own%E2%80%8F", "own\u200f".encode()),
    "a no-break space": ("own%C2%A0", b"own\xa0"),
    "too long": ("o" * 300, b"o" * 300),
    "encoded twice": ("a%252Croom-own", b"a%2Croom-own"),
    "encoded three times": ("%25256fwn", b"%256fwn"),
    "nothing": ("", b""),
    "a space at its end": ("own%20", None),
    "no UTF-8": ("%FFown", b"\xffown"),
    "an overlong comma": ("a%C0%ACroom-own", b"a\xc0\xacroom-own"),
    "a surrogate": ("own%ED%A0%80", b"own\xed\xa0\x80"),
}
# Values that change the path, so that no route here matches.
OTHER_PATHS = {
    "nothing": "",
    "no UTF-8": "",
    "an overlong comma": "",
    "a surrogate": "",
    "a slash": "a%2Fb",
}
# The channels that a lenient parser could read in them.
WOULD_BE = ["room-own", "room-a", "room-", "own", "a", "room-a,room-own", "room-a%2Croom-own", "room-%6fwn", "room-own;prev-id=0"]
WOULD_BE += ["room-own ", 'room-"own"', "room-öwn", "öwn", "o" * 300, "room-" + "o" * 300, "room-" + "o" * 251]


def requests(kind: str) -> Iterator[tuple[str, bytes, int]]:
    """Yields requests for one kind of connection, each with its name and the status that it gets."""
    handshake = HANDSHAKE if kind == "socket" else ""

    def written(target: str, header: bytes = b"") -> bytes:
        return f"GET {target} HTTP/1.1\r\nHost: a\r\n{handshake}".encode() + header + b"\r\n"

    for what, (text, value) in VALUES.items():
        if what not in OTHER_PATHS:
            yield f"{what} in the path", written(f"/{kind}/path/{text}"), 400
        yield f"{what} in the query", written(f"/{kind}/query?room={text}"), 400
        if value is not None:
            yield f"{what} in a header", written(f"/{kind}/header", b"X-Room: " + value + b"\r\n"), 400
    yield "dot segments in the path", written(f"/{kind}/path/%2e%2e"), 400
    for what, text in OTHER_PATHS.items():
        yield f"{what} in the path", written(f"/{kind}/path/{text or VALUES[what][0]}"), 404
    yield "dot segments in the path", written(f"/{kind}/path/%2e%2e"), 400


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_subscribed_to_another_channel(channels_edge: Edge, kind: str) -> None:
    with ExitStack() as stack:
        witness = stack.enter_context(channels_edge.client.stream("GET", "/witness"))
        lines = witness.iter_lines()
        assert next(lines) == "ready"
        statuses, refused = {}, {}
        for what, request, _ in requests(kind):
            connection = socket.create_connection(("127.0.0.1", channels_edge.port), timeout=ANSWER_TIMEOUT)
            refused[what] = stack.enter_context(connection)
            connection.sendall(request)
            statuses[what] = int(connection.recv(65_536).split(b" ")[1])
        assert statuses == {what: status for what, _, status in requests(kind)}
        content = {"content": "SECRET\n"}
        channels_edge.publish_items(
            *(
                {
                    "channel": channel,
                    "formats": {"http-stream": content, "http-response": {"body": "SECRET\n"}, "ws-message": content},
                }
                for channel in WOULD_BE
            )
        )
        channels_edge.publish("witness", http_stream={"content": "over\n"})
        assert [next(lines), next(lines)] == ["SECRET", "over"]
        assert {what for what, connection in refused.items() if b"SECRET" in _arrived(connection)} == set()


def _arrived(connection: socket.socket) -> bytes:
    """Returns what has arrived, without waiting for more."""
    connection.setblocking(False)
    got = b""
    try:
        while data := connection.recv(65_536):
            got += data
    except (BlockingIOError, ConnectionError):
        pass
    return got


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_of_ones_own_is_held(channels_edge: Edge, kind: str) -> None:
    """Shows that the test above would notice a subscription: an item on this channel arrives."""
    handshake = HANDSHAKE if kind == "socket" else ""
    for target, header in (("path/own", ""), ("query?room=%6fwn", ""), ("header", "X-Room: own\r\n")):
        request = f"GET /{kind}/{target} HTTP/1.1\r\nHost: a\r\n{handshake}{header}\r\n"
        with socket.create_connection(("127.0.0.1", channels_edge.port), timeout=0.2) as connection:
            connection.sendall(request.encode())
            got = b""
            for _ in range(100):
                channels_edge.publish(
                    "room-own",
                    http_stream={"content": "SECRET\n"},
                    http_response={"body": "SECRET\n"},
                    ws_message={"content": "SECRET"},
                )
                try:
                    got += connection.recv(65_536)
                except TimeoutError:
                    continue
                if b"SECRET" in got:
                    break
            assert b"SECRET" in got, (target, got)
