"""Serves HTTP in place of your web framework, with nothing but Python's standard library. Functions answer requests."""

import json
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = Path(__file__).parent
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript"}
MAX_BODY = 100_000

Function = Callable[..., "Answer"]
_routes: list[tuple[str, re.Pattern[str], Function]] = []


@dataclass
class Request:
    """A client's request."""

    query: dict[str, str]
    headers: Message
    body: bytes

    def json(self) -> dict[str, Any]:
        """Returns the object that the request's body is. Raises Refused."""
        # A page of another site can send this type only if its browser may, for which it asks beforehand. Nothing here allows it.
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "Send application/json.")
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Refused(400, "Send an object of JSON.")
        return found

    def cookie(self, name: str) -> str:
        """Returns the value of a cookie, or ""."""
        pairs = [pair.strip().partition("=") for pair in self.headers.get("Cookie", "").split(";")]
        return next((value for found, _, value in pairs if found == name), "")


@dataclass
class Answer:
    """An answer. A body is text, bytes, an iterator of bytes, which are sent as they come, or else something to send as JSON."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Raised to refuse a request, with a status and a sentence that says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = Answer(f"{reason}\n", status)


def route(method: str, path: str) -> Callable[[Function], Function]:
    """Has a function answer the requests for a path. It gets the request, and each segment that is in braces there.

    Such a segment has only ASCII letters, digits, '-' and '_', so it can stand in a channel's name or in a header.
    """
    pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[A-Za-z0-9_-]+)", path))

    def add(function: Function) -> Function:
        _routes.append((method, pattern, function))
        return function

    return add


def serve() -> None:
    """Serves the page, its files and the routes on the port of the variable PORT, or 3000, until Ctrl-C."""
    port = int(os.environ.get("PORT") or 3000)
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        print(f"The server listens on port {port}", flush=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or else the body waits until the client has confirmed the headers

    def do_GET(self) -> None:
        self.answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def answer(self) -> None:
        try:
            answer = self.find_answer()
        except Refused as refused:
            answer = refused.answer
        except Exception:
            traceback.print_exc()
            answer = Answer("The server has failed; what it has printed says why.\n", 500)
        self.send(answer)

    def find_answer(self) -> Answer:
        url = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,9}", length) or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(411, "Send the body's length as Content-Length.")
        if int(length) > MAX_BODY:
            self.close_connection = True
            raise Refused(413, f"Send a body of {MAX_BODY:,} bytes at most.")
        request = Request(dict(parse_qsl(url.query)), self.headers, self.rfile.read(int(length)))
        method = "GET" if self.command == "HEAD" else self.command
        for wanted, pattern, function in _routes:
            found = pattern.fullmatch(url.path)
            if found and wanted == method:
                return function(request, **found.groupdict())
        name = url.path.removeprefix("/") or "index.html"
        if method == "GET" and name in ("index.html", "style.css"):
            file = FOLDER / name
            return Answer(file.read_bytes(), headers={"Content-Type": TYPES[file.suffix], "Cache-Control": "no-cache"})
        raise Refused(404, "There is nothing here.")

    def send(self, answer: Answer) -> None:
        body, type_ = answer.body, "text/plain; charset=utf-8"
        if not isinstance(body, str | bytes | Iterator):
            body, type_ = json.dumps(body), "application/json"
        body = body.encode() if isinstance(body, str) else body
        framing = {"Content-Length": len(body)} if isinstance(body, bytes) else {"Transfer-Encoding": "chunked"}
        self.send_response(answer.status)
        for name, value in ({"Content-Type": type_} | framing | answer.headers).items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        for part in filter(None, body):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: Any) -> None:
        """Logs nothing, because `fanroute serve` prints each request."""
