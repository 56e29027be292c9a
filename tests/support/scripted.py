"""An HTTP server that gives prepared answers, one after the other, and keeps the requests that it gets."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

# A status, headers and a body, or a function that answers.
Answer = tuple[int, Mapping[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Seen:
    """Holds a request. The names of its headers are in lower case, and `time` is that of `monotonic`."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time: float = field(default_factory=monotonic)


@dataclass
class Scripted:
    """Represents the running server. The last of its answers is given to all further requests."""

    url: str
    answers: list[Answer]
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def scripted(*answers: Answer) -> Iterator[Scripted]:
    """Runs a server with these answers as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.seen.append(Seen(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            chosen = served.answers.pop(0) if len(served.answers) > 1 else served.answers[0]
            if callable(chosen):
                chosen(self)
                return
            status, headers, content = chosen
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_CONNECT = answer

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Scripted(f"http://127.0.0.1:{server.server_address[1]}", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def streamed(content_type: str, *parts: bytes) -> Answer:
    """Returns the answer of a stream: each part is a chunk. Then the connection ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (*parts, b""):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.close_connection = True

    return answer


def hung_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""
    handler.close_connection = True
