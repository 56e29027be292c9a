"""The host's facts on both edges: the time, the service's id, the stores, and where requests go after a change of the URI."""

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fanroute.cli.edges import EdgeOptions, running_edge
from fanroute.devserver import install
from fanroute.devserver.config import LocalBackend
from fanroute.project import fastly_toml
from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, START_TIMEOUT
from tests.e2e.origin import Origin
from tests.support.facts import build_facts

MANIFEST = """\
manifest_version = 3

[local_server.config_stores.settings]
format = "inline-toml"
contents = { key = "välue \\"\\\\ '''", "a key" = "", long = "LONG" }

[local_server.config_stores.of-a-file]
format = "json"
file = "stores/config.json"

[local_server.secret_stores]
secrets = [
  { key = "data", data = "sécret" },
  { key = "file", file = "stores/secret" },
  { key = "variable", env = "FACTS_SECRET" },
  { key = "unset", env = "FACTS_UNSET" },
]
of-a-file = { format = "json", file = "stores/secrets.json" }
"""
LONG = "\N{SNOWMAN}" * 8000
BINARY = bytes(range(256)) * 256
FACTS = {
    "/service-id": b"0" * 22,
    "/config/settings/key": "välue \"\\ '''".encode(),
    "/config/settings/long": LONG.encode(),
    "/config/of-a-file/key": b"value",
    "/config/fanroute-local/grip_sig_key": b"viceroy_dev_signing_key_dont_use_in_production",
    "/secret/secrets/data": "sécret".encode(),
    "/secret/secrets/file": BINARY,
    "/secret/secrets/variable": b"of the environment",
    "/secret/secrets/unset": b"",
    "/secret/of-a-file/key": b"value",
    "/config/settings/other": None,
    "/config/secrets/data": None,
    "/secret/secrets/other": None,
    "/secret/settings/key": None,
    "/secret/fanroute-local/grip_sig_key": None,
}


def user_folder(folder: Path) -> None:
    """Writes the files that a user has besides a routes.yaml."""
    (folder / "stores").mkdir()
    (folder / "fastly.toml").write_text(MANIFEST.replace("LONG", LONG))
    (folder / "stores" / "config.json").write_text('{"key": "value"}')
    (folder / "stores" / "secrets.json").write_text('{"key": "value"}')
    (folder / "stores" / "secret").write_bytes(BINARY)


@contextmanager
def event_loop() -> Iterator[Any]:
    """Yields a function that runs coroutines in a loop of its own, which keeps running between them."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    yield run
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The component of tests/support/facts in a user's folder, and a user's environment."""
    folder = tmp_path_factory.mktemp("facts")
    built = build_facts(folder)
    user_folder(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACTS_SECRET", "of the environment")
        patch.delenv("FACTS_UNSET", raising=False)
        yield built


@pytest.fixture(scope="module", params=EDGES)
def facts(request: pytest.FixtureRequest, origin: Origin, workspace: Workspace) -> Iterator[httpx.Client]:
    """A client of each local edge in turn, which serves the component of tests/support/facts."""
    with event_loop() as run:
        edge = running_edge(EdgeOptions(request.param), workspace, {"origin": LocalBackend(origin.url)}, "", print, print)
        urls = run(edge.__aenter__())
        with httpx.Client(base_url=urls.edge, timeout=ANSWER_TIMEOUT, trust_env=False) as client:
            yield client
        run(edge.__aexit__(None, None, None))


@pytest.mark.parametrize("path", FACTS)
def test_facts(facts: httpx.Client, path: str) -> None:
    answer = facts.get(path)
    expected = FACTS[path]
    assert (answer.status_code, answer.content) == ((404, b"none\n") if expected is None else (200, expected))


@pytest.mark.viceroy
def test_viceroy_reads_a_manifest_as_we_do(workspace: Workspace) -> None:
    """Viceroy gets a user's fastly.toml itself, from its folder, as the Fastly CLI does it."""
    folder = workspace.manifest.parent
    (folder / "built.toml").write_text(fastly_toml.update(workspace.read_manifest(), "facts", (), "fanroute build"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [install.ensure_viceroy(cache_folder(), print), "serve", "-C", "built.toml", "--addr", address, workspace.wasm]
    with subprocess.Popen(command, cwd=folder) as viceroy, httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
        try:
            _wait_for(client, viceroy)
            for path in FACTS:
                test_facts(client, path)
        finally:
            viceroy.terminate()


def _wait_for(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/now")
            return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise RuntimeError("Viceroy did not start")


def test_the_time(facts: httpx.Client) -> None:
    """In whole seconds, between the time before and the time after the request."""
    before = int(time.time())
    told = int(facts.get("/now").text)
    assert before <= told <= int(time.time())


@pytest.mark.parametrize("how", ["handoff", "forward", "tunnel"])
@pytest.mark.parametrize("target", ["/other?a=1&c=3", "/other", "/?a", "/forward?b=%2F+x"])
def test_another_uri(facts: httpx.Client, how: str, target: str) -> None:
    """The backend gets it, and nothing of the previous one."""
    upgrade = {"Upgrade": "websocket", "Connection": "upgrade"} if how == "tunnel" else {}
    host = facts.base_url.netloc.decode()
    asked = facts.get(f"/{how}?a=1&token=secret&c=3", headers={"X-Uri": f"http://{host}{target}", **upgrade})
    assert asked.status_code == 200
    assert asked.json()["target"] == target


@pytest.mark.parametrize("how", ["handoff", "forward", "tunnel"])
def test_a_uri_that_is_none(facts: httpx.Client, how: str) -> None:
    answer = facts.get(f"/{how}", headers={"X-Uri": "http://a/b c", "Upgrade": "websocket", "Connection": "upgrade"})
    assert (answer.status_code, answer.text) == (500, "The edge could not read the request.\n")
