"""How an origin closes a WebSocket: on both edges, the client gets the bytes that Pushpin makes of the origin's CLOSE."""

import socket

import pytest

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, wait_until

HANDSHAKE = (
    "GET /origin/socket HTTP/1.1\r\nHost: www.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE = 0x88  # and the only frame


def closed(edge: Edge, content: bytes) -> bytes:
    """Returns the content of the frame that closes a connection, if the origin's CLOSE has this content."""
    with (
        socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(HANDSHAKE.encode())
        assert answer.readline().startswith(b"HTTP/1.1 101")
        while answer.readline() != b"\r\n":
            pass
        asked = b"close " + content.hex().encode()
        # Masked with zeros (RFC 6455, 5.3).
        connection.sendall(bytes([0x81, 0x80 | len(asked), 0, 0, 0, 0]) + asked)
        kind, length = answer.read(2)
        assert kind == CLOSE
        return answer.read(length)


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"", b"\x03\xe8"),
        (b"\x03\xe8", b"\x03\xe8"),
        (b"\x0f\xa1ciao", b"\x0f\xa1ciao"),
        (b"\0\0", b"\0\0"),
        (b"\0\0bye", b"\0\0bye"),
        (b"\x03\xee", b"\x03\xee"),
        (b"\xff\xff", b"\xff\xff"),
        (b"\x03", b"\x03\xe8"),
        (b"\x0f\xa1\xff", b"\x0f\xa1\xef\xbf\xbd"),
    ],
    ids=["nothing", "1000", "4001", "0", "0 with a reason", "1006", "65535", "one byte", "a reason that is no UTF-8"],
)
def test_a_client_gets_the_code_of_its_origins_close(edge: Edge, content: bytes, sent: bytes) -> None:
    assert closed(edge, content) == sent


def test_a_code_that_no_client_takes_is_told(edge: Edge) -> None:
    """The embedded edge logs it; Pushpin does not."""
    codes = (0, 999, 1006, 2999, 5000)
    for code in codes:
        closed(edge, code.to_bytes(2))

    def reports(code: int) -> bool:
        return any(f"CLOSE with the code {code}, which is a protocol error for clients" in line for line in edge.output)

    if edge.name == "embedded":
        wait_until(lambda: all(map(reports, codes)))
    closed(edge, b"\x0f\xa1")
    assert not reports(0xFA1)
    assert edge.name == "embedded" or not any(map(reports, codes))
