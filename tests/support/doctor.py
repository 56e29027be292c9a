"""Helps to test `fanroute doctor`: projects to examine, a small Fastly API, and servers that answer in many ways."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fanroute.bundle.builder import updated_manifest
from fanroute.doctor.finding import Check, Examined, Finding
from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import Inputs

SERVICE = "TestService0123456789ab"
TOKEN = "secret-token-of-this-test"
ROUTES = """\
version: 1
service: {name: chat}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true, host: chat.example.com}
defaults:
  auth: {keys: [{algorithm: HS256, secret_store: keys, name: first}, {algorithm: ES256, config_store: settings, name: public}]}
routes:
  - {match: {host: chat.example.com, path: /poll}, long_poll: {channel: a}}
  - {match: {host: chat.example.com, path: /ws}, tunnel: origin}
  - {match: {path: /events/x}, handoff: origin}
"""


def examined(folder: Path, routes: str = ROUTES, manifest: str | None = None, **more: Any) -> Examined:
    """Returns a project to examine. `more` are further fields of Examined."""
    workspace = Workspace(folder / "routes.yaml")
    compiled = compile_routes(routes.encode(), Inputs())
    wanted = updated_manifest(workspace, compiled, manifest)
    return Examined(workspace, more.pop("environment", {}), compiled, manifest=manifest, wanted=wanted, **more)


def found(check: Check, subject: Examined) -> list[Finding]:
    """Returns the findings of a check."""

    async def collect() -> list[Finding]:
        return [finding async for finding in check(subject)]

    return asyncio.run(collect())


def brief(findings: list[Finding]) -> list[tuple[str, str]]:
    """Returns the subject and status of each finding."""
    return [(finding.subject, finding.status) for finding in findings]


class Server(ThreadingHTTPServer):
    """Serves answers by path: a status, and JSON or headers. It remembers each request: its path, and its headers."""

    daemon_threads = True

    def __init__(
        self, answers: Mapping[str, tuple[int, Any]], headers: Mapping[str, str], context: ssl.SSLContext | None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = dict(answers)
        self.headers = dict(headers)
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.port = self.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing about clients that do not trust its certificate."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, content = self.server.answers.get(self.path.partition("?")[0], self.server.answers.get("", (404, {})))
        body = json.dumps(content).encode()
        self.send_response_only(status)
        for name, value in ({"Content-Type": "application/json"} | self.server.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def serving(
    answers: Mapping[str, tuple[int, Any]], headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Runs a server. The answer at the path "" is for all paths that have none."""
    server = Server(answers, headers or {}, context)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def healthy_service() -> dict[str, tuple[int, Any]]:
    """Returns the API's answers, by path, about a service that fits ROUTES."""
    version = f"/service/{SERVICE}/version/3"
    backends = [
        {"name": "origin", "address": "app.example.com", "port": 443, "override_host": "app.example.com", "use_ssl": False},
        {"name": "self", "address": "chat.example.com", "port": 443, "override_host": "chat.example.com", "use_ssl": None},
    ]
    links = [
        {"name": "keys", "resource_id": "secrets1", "resource_type": "secret-store"},
        {"name": "settings", "resource_id": "configs1", "resource_type": "config"},
    ]
    return {
        "/tokens/self": (200, {"id": "x", "scope": "global", "services": [SERVICE], "expires_at": None}),
        f"/service/{SERVICE}/details": (200, {"id": SERVICE, "name": "chat", "type": "wasm", "active_version": {"number": 3}}),
        f"{version}/domain": (200, [{"name": "chat.example.com", "version": 3}]),
        "/domain-management/v1/domains": (200, {"data": [], "meta": {}}),
        f"{version}/backend": (200, backends),
        "/enabled-products/v1/fanout/services/" + SERVICE: (200, {"product": {"id": "fanout"}}),
        "/enabled-products/v1/websockets/services/" + SERVICE: (200, {"product": {"id": "websockets"}}),
        f"{version}/resource": (200, links),
        "/resources/stores/secret/secrets1/secrets/first": (200, {"name": "first"}),
        "/resources/stores/config/configs1/item/public": (200, {"item_key": "public", "item_value": "private content"}),
    }


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Makes a self-signed certificate for a name. Returns its file, and the context of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / f"{name}.pem", folder / f"{name}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return file, context
