"""Runs the real Fastly CLI, from `compute build` to `compute publish`, against our small Fastly API on 127.0.0.1."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from tests.conftest import OWN_HOST
from tests.support.builds import build_once, copied

pytestmark = pytest.mark.slow

SERVICE = "TestService0123456789ab"


class FastlyApi(ThreadingHTTPServer):
    """Represents the part of Fastly's API that publishing calls. It remembers what it received."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.calls: list[str] = []
        self.versions: list[dict[str, Any]] = []
        self.domains: list[str] = []
        self.backends: dict[str, dict[str, str]] = {}
        self.products: set[str] = set()
        self.packages: dict[int, bytes] = {}
        self.active = 0

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """Returns the JSON to answer with."""
        form = {key: values[0] for key, values in parse_qs(body.decode("latin-1")).items()}
        number = int(found.group(1)) if (found := re.search(r"/version/(\d+)", path)) else 0
        if path.endswith("openid-configuration"):
            return {"authorization_endpoint": self.url, "token_endpoint": self.url}
        if (method, path) == ("POST", "/service"):
            self._new_version()
            return self._service() | form
        if path == f"/service/{SERVICE}":
            return self._service()
        if path == f"/service/{SERVICE}/details":
            return self._service() | {"active_version": self._version(self.active), "version": self._version(len(self.versions))}
        if path == f"/service/{SERVICE}/version":
            return self.versions
        if path.endswith("/clone"):
            return self._new_version()
        if path.endswith("/domain"):
            if method == "POST":
                self.domains.append(form["name"])
            return form if method == "POST" else [{"name": name} for name in self.domains]
        if path.endswith("/backend"):
            if method == "POST":
                self.backends[form["name"]] = form
            return form if method == "POST" else list(self.backends.values())
        if path.startswith("/enabled-products/v1/"):
            self.products.add(path.split("/")[3])
            return {"product": {"id": path.split("/")[3]}, "service": {"id": SERVICE}}
        if path.endswith("/package"):
            if method == "PUT":
                self.packages[number] = body
            return {"id": "package", "metadata": {"hashsum": "", "files_hash": ""}}
        if path.endswith("/activate"):
            self.active = number
            return self._version(number, active=True)
        if number and path.endswith(f"/version/{number}"):
            return self._version(number)
        return {}

    def _new_version(self) -> dict[str, Any]:
        self.versions.append(self._version(len(self.versions) + 1))
        return self.versions[-1]

    def _version(self, number: int, active: bool = False) -> dict[str, Any]:
        return {
            "number": number,
            "service_id": SERVICE,
            "active": active or number == self.active,
            "locked": number == self.active,
        }

    def _service(self) -> dict[str, Any]:
        versions = [self._version(version["number"]) for version in self.versions]
        return {"id": SERVICE, "name": "service", "type": "wasm", "versions": versions, "version": len(versions)}


class _Handler(BaseHTTPRequestHandler):
    server: FastlyApi

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.calls.append(f"{self.command} {path}")
        answer = json.dumps(self.server.answer(self.command, path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[FastlyApi]:
    server = FastlyApi()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Cli:
    """Runs the Fastly CLI in a folder with the repository's routes.yaml."""

    def __init__(self, folder: Path, home: Path, api: FastlyApi) -> None:
        self.folder = folder
        assert "FASTLY_CLI" in os.environ, "run `make test`, which installs the Fastly CLI"
        program = Path(os.environ["FASTLY_CLI"]) / "node_modules/.bin/fastly"
        self._command = str(program)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache_folder().parent),  # has the component that was built
            "XDG_CONFIG_HOME": str(home),
            "FASTLY_API_ENDPOINT": api.url,
            "FASTLY_ACCOUNT_ENDPOINT": api.url,
            "FASTLY_API_TOKEN": "not-a-token",
            # Otherwise the CLI would download tools to annotate the component. Tests use no network.
            "HTTPS_PROXY": api.url,
            "NO_PROXY": "127.0.0.1",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._command, "compute", *arguments, "--non-interactive"]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def cli(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, own_project: Workspace, api: FastlyApi) -> Cli:
    folder = tmp_path / "service"
    copied(own_project, folder)
    return Cli(folder, tmp_path_factory.mktemp("home"), api)


def packed(package: bytes, name: str) -> bytes:
    """Returns the content of a package's file, found by the end of its path."""
    with tarfile.open(fileobj=io.BytesIO(package[package.index(b"\x1f\x8b") :])) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith(name)]
        file = archive.extractfile(member)
        assert file is not None
        return file.read()


def test_build_and_pack(cli: Cli) -> None:
    done = cli("build")
    assert done.returncode == 0, done.stdout
    component = (cli.folder / "bin/main.wasm").read_bytes()
    (package,) = (cli.folder / "pkg").glob("*.tar.gz")
    assert package.name == "fanroute-starter.tar.gz"
    assert packed(package.read_bytes(), "bin/main.wasm") == component
    assert b'name = "fanroute-starter"' in packed(package.read_bytes(), "fastly.toml")
    package.unlink()
    done = cli("pack", "--wasm-binary", "bin/main.wasm")
    assert done.returncode == 0, done.stdout
    assert list((cli.folder / "pkg").glob("*.tar.gz"))


def test_a_new_folder_builds_at_once(tmp_path: Path, cli: Cli) -> None:
    """`fanroute init` makes the fastly.toml that the CLI needs, and the build changes nothing in it."""
    command = [sys.executable, "-P", "-m", "fanroute", "init", "new"]
    subprocess.run(command, cwd=tmp_path, env=cli.environment, capture_output=True, check=True)
    cli.folder = tmp_path / "new"
    manifest = (cli.folder / "fastly.toml").read_text()
    done = cli("build")
    assert done.returncode == 0, done.stdout
    assert (cli.folder / "pkg/new.tar.gz").exists()
    assert (cli.folder / "fastly.toml").read_text() == manifest


def test_a_failed_build_keeps_the_last_good_component(cli: Cli) -> None:
    """The CLI removes bin/main.wasm first. Fanroute puts it back, and the build still fails."""
    component = (cli.folder / "bin/main.wasm").read_bytes()
    routes = cli.folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("echo", "ecko"))
    done = cli("build")
    assert done.returncode != 0
    assert "error[FR201]: unknown key 'ecko'" in done.stdout
    assert (cli.folder / "bin/main.wasm").read_bytes() == component


def test_an_environment_is_built_with_its_own_manifest(cli: Cli) -> None:
    """The CLI does not tell the script its `--env`: the script of fastly.staging.toml names it."""
    routes = cli.folder / "routes.yaml"
    environments = "environments:\n  staging: {service: {name: fanroute-staging}}\nroutes:"
    routes.write_text(routes.read_text().replace("\nroutes:", f"\n{environments}"))
    command = [sys.executable, "-P", "-m", "fanroute", "build", "--env", "staging"]
    subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, check=True)
    production = (cli.folder / "fastly.toml").read_text()
    staging = cli.folder / "fastly.staging.toml"
    app = cli.folder / "build/app/app.py"  # the CLI adds something to the component
    assert cli("build").returncode == 0
    assert "service='fanroute-starter'" in app.read_text()
    done = cli("build", "--env", "staging")
    assert done.returncode == 0, done.stdout
    assert "service='fanroute-staging'" in app.read_text()
    assert (cli.folder / "pkg/fanroute-staging.tar.gz").exists()
    assert (cli.folder / "fastly.toml").read_text() == production
    assert "--env staging" in staging.read_text() and 'name = "fanroute-staging"' in staging.read_text()


def test_publish_and_publish_again(cli: Cli, api: FastlyApi) -> None:
    first = cli("publish", "--status-check-off", "--domain", OWN_HOST)
    assert first.returncode == 0, first.stdout
    assert "POST /service" in api.calls
    assert api.domains == [OWN_HOST]
    assert {name: (backend["address"], backend["port"]) for name, backend in api.backends.items()} == {
        "origin": ("app.example.com", "443"),
        "self": (OWN_HOST, "443"),
    }
    assert api.products == {"fanout"}
    assert packed(api.packages[1], "bin/main.wasm") == (cli.folder / "bin/main.wasm").read_bytes()
    assert api.active == 1
    assert f'service_id = "{SERVICE}"' in (cli.folder / "fastly.toml").read_text()

    routes = cli.folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("No such test endpoint", "Nothing here"))
    second = cli("publish", "--status-check-off")
    assert second.returncode == 0, second.stdout
    assert api.active == 2
    assert packed(api.packages[2], "bin/main.wasm") != packed(api.packages[1], "bin/main.wasm")
    assert api.calls.count("POST /service") == 1
    assert len(api.backends) == 2


def test_doctor_finds_nothing_wrong_with_what_was_published(cli: Cli, api: FastlyApi) -> None:
    assert cli("publish", "--status-check-off", "--domain", OWN_HOST).returncode == 0
    command = [sys.executable, "-P", "-m", "fanroute", "doctor", "--format", "json"]
    done = subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    found = {finding["subject"]: (finding["status"], finding["text"]) for finding in json.loads(done.stdout)["findings"]}
    assert found["fastly.toml"] == ("ok", "as a build writes it")
    assert found["service"] == ("ok", "version 1 of 'service' is active")
    assert found["domains"] == ("ok", OWN_HOST)
    assert found["Fanout"] == ("ok", "enabled on the service")
    assert found["backend 'origin' on Fastly"] == ("ok", "app.example.com:443")
    assert found["backend 'self' on Fastly"] == ("ok", f"{OWN_HOST}:443")


def test_the_first_publish_names_the_log_endpoint(cli: Cli) -> None:
    """The CLI tells whoever publishes to create it, and does not create it."""
    routes = cli.folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("\nroutes:", "\nlogs: {endpoint: my-edge-logs}\nroutes:"))
    build_once(Workspace(routes))
    done = cli("publish", "--status-check-off", "--domain", OWN_HOST)
    assert done.returncode == 0, done.stdout
    assert "requires the following log endpoints to be created" in done.stdout and "my-edge-logs" in done.stdout, done.stdout


def test_publish_enables_websockets_for_a_tunnel(cli: Cli, api: FastlyApi) -> None:
    routes = cli.folder / "routes.yaml"
    tunnel = "  - {match: {path: /ws}, tunnel: origin}\n"
    routes.write_text(routes.read_text().replace("  - name: test-stream", tunnel + "  - name: test-stream"))
    build_once(Workspace(routes))
    done = cli("publish", "--status-check-off", "--domain", OWN_HOST)
    assert done.returncode == 0, done.stdout
    assert api.products == {"fanout", "websockets"}
