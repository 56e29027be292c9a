"""Tests how backends are looked at: each way to fail, with a server that fails so."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanroute.devserver.upstream import Unreachable
from fanroute.doctor import network as networks
from fanroute.doctor.backends import check_backends, example_path, failure_finding
from fanroute.doctor.finding import Finding
from fanroute.doctor.network import Network
from fanroute_runtime.grip.signature import LOCAL_KEY
from tests.support.doctor import certificate, examined, found, serving

ROUTES = """\
version: 1
service: {name: chat}
backends: {origin: {url: "%s"%s}, self: {loopback: true, host: chat.invalid}}
routes:
  - {match: {path: "/rooms/{room}"}, handoff: origin}
  - {match: {path: /events, method: POST}, handoff: origin}
  - {match: {path: /a%%20b/events}, handoff: origin}
  - {match: {path: /sse}, sse: {channel: a}}
  - forward: origin
"""
FORWARD = ROUTES.replace("handoff", "forward")


def looked_at(folder: Path, url: str, local: str = "", routes: str = ROUTES, **environment: str) -> list[Finding]:
    """Returns the findings about the backend `origin`, without the one about the loopback."""
    text = routes % (url, f', local: "{local}"' if local else "")
    findings = found(check_backends, examined(folder, text, network=Network(), environment=environment))
    assert findings[-1] == Finding(
        "backend 'self' (url)", "skipped", "the service is not published yet", "Publish it with `fastly compute publish`."
    )
    return findings[:-1]


@contextmanager
def accepting(serve: Callable[[socket.socket], Any]) -> Iterator[str]:
    """Runs a server that does something with its only connection. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def closed_port() -> int:
    """Returns a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_backend_that_answers_is_right(tmp_path: Path) -> None:
    with serving({"/a%20b/events": (200, {})}) as server:
        (finding,) = looked_at(tmp_path, server.url)
        text = f"{server.url}/a%20b/events answers 200, without GRIP instructions"
        assert finding == Finding("backend 'origin' (url)", "ok", text)
        ((path, headers),) = server.requests
        assert (path, headers["host"], "grip-sig" in headers) == ("/a%20b/events", "127.0.0.1", False)


def test_a_local_one_is_asked_as_a_local_edge_does(tmp_path: Path) -> None:
    """Tests that the request has a local edge's Grip-Sig, and that instructions are seen."""
    with serving({"": (200, {})}, {"Grip-Hold": "stream", "Grip-Channel": "a"}) as server:
        _, local = looked_at(tmp_path, server.url, f"{server.url}/")
        text = f"{server.url}/a%20b/events answers 200, with GRIP instructions"
        assert local == Finding("backend 'origin' (local)", "ok", text)
        signed = [headers for _, headers in server.requests if "grip-sig" in headers]
        assert [headers["host"] for headers in signed] == [f"127.0.0.1:{server.port}"]
        assert LOCAL_KEY.issuer == "viceroy"


@pytest.mark.parametrize("kind", ["application/grip-instruct", "Application/GRIP-instruct; charset=utf-8"])
def test_instructions_can_be_in_the_body(tmp_path: Path, kind: str) -> None:
    with serving({"": (200, {})}, {"Content-Type": kind}) as server:
        (finding,) = looked_at(tmp_path, server.url)
    assert finding.text.endswith("answers 200, with GRIP instructions")


def test_a_backend_without_a_handoff_has_no_instructions(tmp_path: Path) -> None:
    with serving({"": (404, {})}) as server:
        production, local = looked_at(tmp_path, server.url, server.url, FORWARD)
        assert production == Finding("backend 'origin' (url)", "ok", f"{server.url}/ answers 404")
        assert local == Finding("backend 'origin' (local)", "ok", f"{server.url}/ answers 404")
        assert not [headers for _, headers in server.requests if "grip-sig" in headers]


def test_a_server_error_is_a_warning(tmp_path: Path) -> None:
    with serving({"": (503, {})}) as server:
        (finding,) = looked_at(tmp_path, server.url, routes=FORWARD)
    assert (finding.status, finding.fix) == ("warning", "Look into the server's log.")


def test_a_closed_port_is_an_error_in_production_and_a_warning_locally(tmp_path: Path) -> None:
    url, local = (f"http://127.0.0.1:{closed_port()}" for _ in range(2))
    production, here = looked_at(tmp_path, url, local)
    text = f"{url}: it cannot be connected to"
    fix = "Start the server, or correct its URL in routes.yaml."
    assert production == Finding("backend 'origin' (url)", "error", text, fix)
    assert (here.subject, here.status, here.text) == (
        "backend 'origin' (local)",
        "warning",
        f"{local}: it cannot be connected to",
    )
    assert here.fix == f"Start the server at {local.removeprefix('http://')}, or correct `local` in routes.yaml."


def test_a_name_without_an_address_is_an_error(tmp_path: Path) -> None:
    (finding,) = looked_at(tmp_path, "https://no-such-host.invalid")
    assert (finding.status, finding.text) == ("error", "https://no-such-host.invalid: its name has no address")


def test_a_slow_backend_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "LIMIT", 0.2)
    started = time.monotonic()
    with accepting(lambda connection: [*iter(lambda: connection.recv(4096), b"")]) as address:
        (finding,) = looked_at(tmp_path, f"http://{address}")
    assert time.monotonic() - started < 4
    assert (finding.status, finding.text) == ("warning", f"http://{address}: it has not answered within 3 s")


def test_one_that_sends_a_little_at_a_time_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "LIMIT", 0.3)

    def drip(connection: socket.socket) -> None:
        connection.settimeout(0.05)
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                connection.sendall(b"x")
                try:
                    if not connection.recv(4096):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return

    with accepting(drip) as address:
        (finding,) = looked_at(tmp_path, f"http://{address}")
    assert finding.status == "warning"


@pytest.mark.parametrize(
    ("sent", "told"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "its answer is not HTTP/1.1"), (b"", "it ends the connection without an answer")],
)
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, sent: bytes, told: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(sent)
        if sent:
            connection.recv(65536)  # until the client ends the connection

    with accepting(serve) as address:
        (finding,) = looked_at(tmp_path, f"http://{address}")
    assert (finding.status, finding.text) == ("error", f"http://{address}: {told}")


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests one that nobody has signed, one that an authority has signed for another name, and a right one."""
    file, context = certificate(tmp_path, "localhost")
    with serving({"": (200, {})}, context=context) as server:
        (finding,) = looked_at(tmp_path, f"https://localhost:{server.port}")
        assert (finding.status, finding.text) == (
            "error",
            f"https://localhost:{server.port}: its certificate is not valid (self-signed certificate)",
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        (finding,) = looked_at(tmp_path, f"https://localhost:{server.port}")
        assert finding.status == "ok"
    other, context = certificate(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with serving({"": (200, {})}, context=context) as server:
        (finding,) = looked_at(tmp_path, f"https://localhost:{server.port}")
    assert finding.status == "error"
    assert "Hostname mismatch, certificate is not valid for 'localhost')" in finding.text


def test_a_server_without_tls_is_an_error(tmp_path: Path) -> None:
    with serving({"": (200, {})}) as server:
        (finding,) = looked_at(tmp_path, f"https://localhost:{server.port}")
    assert (finding.status, finding.fix) == ("error", "Correct the port or the scheme in routes.yaml.")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_behind_a_proxy_nothing_is_said_of_production(tmp_path: Path, name: str) -> None:
    url, local = (f"http://127.0.0.1:{closed_port()}" for _ in range(2))
    production, here = looked_at(tmp_path, url, local, **{name: "http://proxy.example:3128"})
    assert (production.status, here.status) == ("skipped", "warning")


def test_a_certificate_counts_behind_a_proxy_too() -> None:
    failure = Unreachable("tls-certificate-error")
    finding = failure_finding("backend", "https://a", failure, False, {"https_proxy": "http://proxy.example"})
    assert finding.status == "error"


def test_the_loopback_is_looked_at_once_it_is_published(tmp_path: Path) -> None:
    text = ROUTES % ("http://127.0.0.1:9", "")
    *_, finding = found(check_backends, examined(tmp_path, text, network=Network(), service_id="x"))
    assert (finding.subject, finding.status) == ("backend 'self' (url)", "error")
    assert finding.text == "https://chat.invalid: its name has no address"


@pytest.mark.parametrize(
    ("match", "path"),
    [
        ("{path: /events}", "/events"),
        ("{path: /events, method: [POST, GET]}", "/events"),
        ("{path: /events, method: POST}", "/"),
        ('{path: "/rooms/{room}"}', "/"),
        ("{path: /rooms/*}", "/"),
        ("{host: a.example}", "/"),
    ],
)
def test_a_path_is_taken_from_the_routes(tmp_path: Path, match: str, path: str) -> None:
    head = "version: 1\nservice: {name: a}\nbackends: {o: {url: https://a.example}}\n"
    text = f"{head}routes: [{{match: {match}, handoff: o}}]\n"
    compiled = examined(tmp_path, text).compiled
    assert compiled and example_path(compiled.plan, "o") == path
    assert example_path(compiled.plan, "another") == "/"


def test_the_time_of_production_is_noted_and_that_of_this_machine_is_not(tmp_path: Path) -> None:
    date = {"Date": "Tue, 14 Nov 2023 22:13:20 GMT"}
    with serving({"": (200, {})}, date) as server, serving({"": (200, {})}, {"Date": "Tue, 14 Nov 2023 22:14:20 GMT"}) as local:
        network = Network(now=lambda: 1_700_000_000)
        found(check_backends, examined(tmp_path, ROUTES % (server.url, f', local: "{local.url}"'), network=network))
    assert network.skews == [0]
