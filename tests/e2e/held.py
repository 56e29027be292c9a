"""Requests for connections that Fanout holds, sent to it directly, because Viceroy would change Pushpin's answers."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.sync.client import connect

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, processes

# The channel on which tests/e2e/origin.py holds connections.
CHANNEL = "of-origin"


def posted(edge: Edge, body: bytes, **options: Any) -> httpx.Response:
    with httpx.Client(timeout=ANSWER_TIMEOUT, trust_env=False) as client:
        return client.post(edge.publish_url, content=body, **options)


def item(**formats: Any) -> bytes:
    """Returns the body of a publish request with one item. Formats are keywords, with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in formats.items()}
    return json.dumps({"items": [{"channel": CHANNEL, "formats": named}]}).encode()


def fanout(edge: Edge, backend: str = "origin") -> tuple[int, str]:
    """Returns a port where Fanout serves a backend, and the header with which it does so."""
    for pid in processes(edge):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "--local-pushpin-proxy-port" in command:
            return int(command[command.index("--local-pushpin-proxy-port") + 1]), f"Pushpin-Route: {backend}"
    return edge.port, "X-Nothing: x"


def raw(edge: Edge, path: str) -> bytes:
    """Returns the bytes of the answer to a request, up to the end that its Content-Length says."""
    port, header = fanout(edge)
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: www.example.com\r\n{header}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65_536) or b"(end)\r\n\r\n"
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        while length and len(body) < int(length.group(1)):
            body += connection.recv(65_536)
        return head + b"\r\n\r\n" + body


def polled(edge: Edge, published: bytes, path: str = "/origin/poll") -> tuple[str, list[tuple[str, str]], bytes]:
    """Returns the status line, headers and body of a held answer after something is published for it."""
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(raw(edge, path)))
    thread.start()
    while thread.is_alive():
        assert posted(edge, published).status_code == 200
        thread.join(0.1)
    head, _, body = answers[0].partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    return line, [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)], body


@contextmanager
def frames(edge: Edge) -> Iterator[list[tuple[str, bytes]]]:
    """Yields a list that gets the frames of a WebSocket, by their kind. Waits until the connection is closed."""
    port, header = fanout(edge)
    name, _, value = header.partition(": ")
    got: list[tuple[str, bytes]] = []
    options: Any = {"proxy": None, "ping_interval": None, "additional_headers": {name: value}}
    with connect(f"ws://127.0.0.1:{port}/origin/socket", **options) as client:
        receive = client.protocol.recv_frame

        def recv_frame(frame: Any) -> None:
            got.append((Opcode(frame.opcode).name, bytes(frame.data)))
            receive(frame)

        client.protocol.recv_frame = recv_frame  # type: ignore[method-assign]
        try:
            yield got
        finally:
            with pytest.raises(ConnectionClosed):
                while True:
                    client.recv(timeout=ANSWER_TIMEOUT)
