"""Any bytes, written to a socket: HTTP gets an answer, anything else at most a closed connection, and the edge keeps serving."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from random import Random
from secrets import randbits

import pytest
from hypothesis import settings

from tests.conftest import GRIP_SIG, REPOSITORY
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, Edge, running
from tests.e2e.origin import Origin
from tests.fuzz.mutation import mutated
from tests.fuzz.requests import PLACES, SECRET_STORES, TOKENS
from tests.fuzz.targets import events
from tests.fuzz.test_component import OURS
from tests.support.counts import COUNTS

ROUTES = REPOSITORY / "tests" / "fuzz" / "routes.yaml"
BACKEND = 'url: "https://app.example.com"'
STORE = f"""\
[local_server.secret_stores]
edge = [{{ key = "login", data = "{SECRET_STORES["edge"]["login"].decode()}" }}]
"""
# How the errors of others begin: of Pushpin 1.36 for a `%` alone; of Viceroy if Pushpin hangs up, for example on a malformed
# WebSocket or a cut body; of the embedded edge for the same, or as the origin answered a WebSocket.
OTHERS = {
    500: "Accept service unavailable.",
    502: 'Error: Handoff request failed: .*|The backend \'origin\' gave no answer: .*|{"method": "POST", .*|',
}
# What the edges log if a component does not end by returning.
BROKEN = re.compile("trapped|WebAssembly exited|the component gave no answer|Guest error")
# How many seconds a client waits for an answer to an incomplete request, before it closes its side of the connection.
PATIENCE = 0.2

METHODS = b"GET GET GET GET HEAD POST PUT DELETE OPTIONS TRACE PATCH BREW get M-SEARCH".split()
HOSTS = b"fuzz.edgecompute.app FUZZ.EdgeCompute.App.:443 chat.example.com a.edgecompute.app.evil.com x [::1]:80".split()
SEGMENTS = [*b"blue 42 a%20b a%2Cb %3B %C3%A9 %FF %2F %2e%2e .. . %00 %0d%0aX-A:%20b %2525 ; = + * ! ~".split(), b"", b"x" * 300]
QUERIES = [b"", b"?", b"?id", b"?a=b&token=" + TOKENS[0], *(b"?id=" + segment for segment in SEGMENTS)]
LINES = [
    *b"""
    Grip-Sig:present|Grip-Sig:|Grip-Sig:a.b.c|Grip-Hold: stream|Grip-Channel: evil|Meta-User: evil|Connection-Id: 1
    Pushpin-Route: self|X-Forwarded-Host: evil.com|X-Forwarded-Proto: https|X-Tenant: acme|X-Tenant: a,b|X-Tenant:|Cookie: a=b
    Origin: https://a.example.com|Upgrade: websocket|Connection: Upgrade|Connection: close, x-hop|Sec-WebSocket-Version: 13
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|Sec-WebSocket-Protocol: v1|Content-Type: application/websocket-events
    Expect: 100-continue|TE: trailers|Accept: text/event-stream|Access-Control-Request-Method: GET|Last-Event-ID: 1
    Range: bytes=0-1|If-None-Match: *|Authorization: Bearer a.b.c
    """.strip()
    .replace(b"\n    ", b"|")
    .split(b"|"),
    *[b"X-A: \xe9\xff", b"X-Long: " + b"x" * 8_000, *[b"Grip-Sig: " + GRIP_SIG.encode()] * 4],
    *[
        b"Authorization: Bearer " + TOKENS[0],
        b"Cookie: session=" + TOKENS[0],
        *(b"Authorization: Bearer " + t for t in dict.fromkeys(TOKENS)),
    ],
]
WORDS = [
    *[
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b" :",
        b"\r\n ",
        b"\r\n\r\n",
        b"\xff",
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"HTTP/0.9",
    ],
    *[
        b"\r\nTransfer-Encoding: chunked",
        b"\r\nTransfer-Encoding: gzip, chunked",
        b"\r\nContent-Length: 5",
        b"\r\nContent-Length: -1",
    ],
    *[
        b"\r\nHost: evil.com",
        b"\r\nContent-Length: 5, 6",
        b"http://evil.com/",
        b"*",
        b"//",
        b"%zz",
        b"#",
        b"0\r\n\r\n",
        b"FFFFFFFFFF\r\n",
    ],
    *[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 200_000],
]


@dataclass(frozen=True)
class Sent:
    """Holds bytes for a socket, and whether they are a whole request."""

    method: str
    content: bytes
    whole: bool


@pytest.fixture(scope="module", params=EDGES)
def fuzzed(request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder: Path = tmp_path_factory.mktemp(f"fuzz-{request.param}")
    (folder / "routes.yaml").write_text(ROUTES.read_text().replace(BACKEND, f'{BACKEND}, local: "{origin.url}"'))
    (folder / "fastly.toml").write_text(STORE)
    with running(request.param, folder) as edge:
        yield edge


def request_of(random: Random) -> Sent:
    """Returns a request, or what is left of one after some of its bytes were changed."""
    method = random.choice(METHODS)
    path = b"/".join([b"", random.choice(PLACES).encode(), *random.choices(SEGMENTS, k=random.choice([0, 1, 1, 1, 2]))])
    lines = [b"%s %s%s HTTP/1.1" % (method, path, random.choice(QUERIES)), b"Host: " + random.choice(HOSTS)]
    lines += random.sample(LINES, random.randint(0, 4))
    body = mutated(random, events.SEEDS, events.WORDS) if method in (b"POST", b"PUT") or random.random() < 0.1 else b""
    lines += [b"Content-Length: %d" % len(body)] if body or method in (b"POST", b"PUT") else []
    content = b"\r\n".join([*lines, b"", body])
    if random.random() < 0.5:
        return Sent(method.decode(), content, whole=True)
    return Sent(method.decode(), mutated(random, [content], WORDS), whole=False)


Answer = tuple[int, str]


def answer_to(edge: Edge, sent: Sent) -> Answer | None:
    """Returns the status of the answer and, from 500 on, the beginning of its content; None for a closed connection."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=ANSWER_TIMEOUT) as client:
        with suppress(OSError):  # the server may have heard enough
            client.sendall(sent.content)
            if not sent.whole:
                client.settimeout(PATIENCE)
                with suppress(TimeoutError):
                    client.recv(1, socket.MSG_PEEK)
                client.shutdown(socket.SHUT_WR)
        client.settimeout(ANSWER_TIMEOUT)
        answer = HTTPResponse(client, method=sent.method)
        try:
            answer.begin()
        except (ConnectionError, HTTPException):
            return None
        return answer.status, answer.read(200).decode("utf-8", "replace").strip() if answer.status >= 500 else ""


def test_any_bytes_get_an_answer_if_they_are_http(fuzzed: Edge) -> None:
    short = settings.default.derandomize
    first = 0 if short else randbits(60)
    numbers = range(first, first + (300 if short else 5_000))
    sent = {number: request_of(Random(number)) for number in numbers}
    with ThreadPoolExecutor(4) as pool:
        for number, answer in zip(numbers, pool.map(lambda number: answer_to(fuzzed, sent[number]), numbers), strict=True):
            COUNTS[f"requests and other bytes to the {fuzzed.name} edge over HTTP"] += 1
            assert is_well(sent[number], answer), f"{answer} to number {number}: {sent[number]}"
    assert fuzzed.request("GET", "/respond/blue").status_code == 418
    assert not [line for line in fuzzed.output if BROKEN.search(line)]


def is_well(sent: Sent, answer: Answer | None) -> bool:
    if answer is None:
        return not sent.whole
    status, content = answer
    said = f"{OURS.get(status, '(?!)')}|{OTHERS.get(status, '(?!)')}"
    return status < 500 or (sent.method == "HEAD" and content == "") or re.fullmatch(said, content, re.DOTALL) is not None
