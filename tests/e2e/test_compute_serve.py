"""The real `fastly compute serve`, which starts Viceroy and Pushpin itself: each endpoint holds, and gets what is published."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from fanroute.devserver import install
from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.ports import PORTS, free_ports
from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from tests.e2e import test_endpoints, test_websocket
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, current_pushpin, processes, stopped
from tests.support.builds import copied

pytestmark = pytest.mark.viceroy

LOCAL_EDGE = "http://127.0.0.1:7676"


class ComputeServe(Edge):
    """Runs `fastly compute serve` in a folder with a build."""

    def __init__(self, folder: Path, pushpin: Path, home: Path) -> None:
        assert "FASTLY_CLI" in os.environ, "run `make test`, which installs the Fastly CLI"
        # Pushpin uses the three ports after the one for publishing.
        publish_port, *_ = _consecutive_ports(4)
        port, proxy_port = free_ports(0, 0)
        url = f"http://127.0.0.1:{port}"
        manifest = folder / "fastly.toml"
        assert LOCAL_EDGE in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(LOCAL_EDGE, url))
        cli = Path(os.environ["FASTLY_CLI"]) / "node_modules" / ".bin" / "fastly"
        viceroy = install.ensure_viceroy(cache_folder(), print)
        command = [f"{cli}", "compute", "serve", "--skip-build", "--verbose", f"--addr=127.0.0.1:{port}"]
        command += [f"--viceroy-path={viceroy}", f"--pushpin-path={pushpin}"]
        command += [f"--pushpin-proxy-port={proxy_port}", f"--pushpin-publish-port={publish_port}"]
        environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "HTTPS_PROXY": url, "NO_PROXY": "127.0.0.1"}
        self._start("viceroy", folder, command, environment)
        self.pushpin = pushpins.identify(pushpin).number
        self._wait_for(rf"INFO Listening on ({url})")
        self._ask(url, f"http://127.0.0.1:{publish_port}/publish/")

    def stop(self) -> int:
        pids, code, deadline = processes(self), super().stop(), monotonic() + ANSWER_TIMEOUT
        # npm's launcher of the CLI is ended by the signal, and before the programs that it has started.
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and monotonic() < deadline:
            sleep(0.05)
        return 0 if code == -signal.SIGINT else code


def _consecutive_ports(count: int) -> list[int]:
    """Returns consecutive free ports."""
    while True:
        first = random.choice(PORTS)
        ports = [*range(first, first + count)]
        if free_ports(*ports) == ports:
            return ports


@pytest.fixture(scope="module")
def edge(own_project: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    pushpin = current_pushpin()
    folder = tmp_path_factory.mktemp("service")
    copied(own_project, folder)
    home = tmp_path_factory.mktemp("home")
    with stopped(ComputeServe(folder, pushpin, home)) as started:
        yield started


test_fanout_is_told_to_hold = test_endpoints.test_fanout_is_told_to_hold
test_a_stream_is_held = test_endpoints.test_a_stream_is_held
test_a_long_poll_is_held = test_endpoints.test_a_long_poll_is_held
test_messages_come_back = test_websocket.test_messages_come_back
test_what_is_published_arrives = test_websocket.test_what_is_published_arrives
