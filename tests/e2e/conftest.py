"""Starts both local edges once, as a user starts them, with an origin of ours behind them."""

import asyncio
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from aiohttp import web
from websockets.sync.client import ClientConnection, connect

from fanroute.devserver import pushpin
from fanroute.pipeline import compile_routes
from fanroute.project import processes as programs
from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from fanroute.spec.document import PRODUCTION
from fanroute_runtime.plan import Plan
from tests.conftest import GRIP_SIG, INPUTS, OWN_HOST, REPOSITORY
from tests.e2e.browser import Browser, browser
from tests.e2e.origin import Origin
from tests.support import pins
from tests.support.builds import build_once, copied

START_TIMEOUT = 300  # seconds
ANSWER_TIMEOUT = 15  # seconds
# The header of Fanout's requests.
FROM_FANOUT = [("Grip-Sig", GRIP_SIG)]
ROUTES = Path(__file__).parent / "routes"


class Edge:
    """Represents a running `fanroute serve`, and sends requests to it."""

    def __init__(self, name: str, folder: Path, *options: str, **environment: str) -> None:
        command = [sys.executable, "-P", "-m", "fanroute", "serve", "routes.yaml", "--edge", name, "--port=0", "--publish-port=0"]
        if name == "viceroy":
            command.append("--no-watch")  # clients then reach Viceroy without a relay between
        self._start(name, folder, [*command, *options], environment)
        if name == "viceroy":
            self.pushpin = tuple(map(int, self._wait_for(r"Starting Pushpin (\S+)").split(".")))
        self._ask(self._wait_for(r"Serving .* at (http://\S+)"), self._wait_for(r"Publish to (http://\S+) "))

    def _start(self, name: str, folder: Path, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.folder = folder
        # The version of Pushpin as numbers; empty for the embedded edge.
        self.pushpin: tuple[int, ...] = ()
        self.output: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _ask(self, url: str, publish_url: str) -> None:
        self.url = url
        self.publish_url = publish_url
        self.port = int(url.rpartition(":")[2])
        self.client = httpx.Client(base_url=self.url, timeout=ANSWER_TIMEOUT, trust_env=False)
        # A request has only the cookies that its test sets, and none of earlier answers.
        self.client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            self._lines.put(line)

    def _wait_for(self, pattern: str) -> str:
        deadline = monotonic() + START_TIMEOUT
        while monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.5)
            except queue.Empty:
                if self._process.poll() is not None:
                    break
                continue
            if found := re.search(pattern, line):
                return found.group(1)
        self._end()
        raise RuntimeError(f"the {self.name} edge did not start:\n{''.join(self.output)}")

    @property
    def has_old_pushpin(self) -> bool:
        """Returns True if the edge's Pushpin is older than 1.40, like Debian 12's. The embedded edge has no Pushpin."""
        return self.name == "viceroy" and self.pushpin < pushpin.CURRENT

    @property
    def has_new_pushpin(self) -> bool:
        return self.name == "viceroy" and not self.has_old_pushpin

    def recent_log(self) -> str:
        """Returns the last lines that the edge has printed, and those of Pushpin's logs."""
        parts = ["".join(self.output[-60:])]
        for log in sorted((self.folder / "build" / "logs").glob("*.log")):
            parts.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(parts)

    def full_log(self) -> str:
        """Returns all that the edge has printed, and Pushpin's logs."""
        logs = sorted((self.folder / "build" / "logs").glob("*.log"))
        return "".join([*self.output, *(log.read_text(errors="replace") for log in logs)])

    def publish(self, channel: str, **formats: Any) -> None:
        """Publishes one item. Formats are keywords, with underscores for hyphens."""
        self.publish_items({"channel": channel, "formats": {name.replace("_", "-"): value for name, value in formats.items()}})

    def publish_items(self, *items: Any) -> None:
        self.client.post(self.publish_url, json={"items": items}).raise_for_status()

    def request(self, method: str, target: str, host: str = OWN_HOST, headers: Any = (), **options: Any) -> httpx.Response:
        """Returns the answer to a request with its own Host and a target that is sent as it is."""
        pairs = [("Host", host), *(headers.items() if isinstance(headers, dict) else headers)]
        extensions = {"target": target.encode()}
        return self.client.request(method, "/", headers=pairs, extensions=extensions, **options)

    @cached_property
    def plan(self) -> Plan:
        """Returns the Plan that the edge serves."""
        workspace = Workspace(self.folder / "routes.yaml")
        return compile_routes(workspace.routes.read_bytes(), replace(INPUTS, read=workspace.read)).plan

    def pin(self, target: str, host: str = "", *headers: tuple[str, str], websocket: bool = False) -> list[tuple[str, str]]:
        """Returns the pin that the first pass gives to a client's request, as a header; none if its route is no endpoint."""
        given = [(name, value.encode("latin-1")) for name, value in headers] + [pins.UPGRADE] * websocket
        found = pins.pin(self.plan, f"http://{host or self.url.rpartition('/')[2]}{target}", *given)
        return [(name, value.decode()) for name, value in found]

    def stop(self) -> int:
        """Presses Ctrl-C, which reaches all processes that a terminal has started. Returns the exit code."""
        self.client.close()
        return self._end()

    def _end(self) -> int:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        code = self._process.wait(timeout=20)
        self._reader.join(timeout=5)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """The origin."""
    with serving(Origin()) as origin:
        yield origin


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium."""
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots: the one that FANROUTE_SCREENSHOTS names, or one of the test run."""
    folder = os.environ.get("FANROUTE_SCREENSHOTS")
    return Path(folder) if folder else tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what people with a screen reader or a keyboard cannot use."""
    assert "AXE_CORE" in os.environ, "run `make test`, which installs axe-core"
    return (Path(os.environ["AXE_CORE"]) / "node_modules" / "axe-core" / "axe.min.js").read_text()


@contextmanager
def serving(served: Origin) -> Iterator[Origin]:
    """Serves an origin on a free port, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(served.answer, auto_decompress=False), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield served
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


# Viceroy has the newest Pushpin. The most important tests also run with the system's, if that is older.
EDGES = ["embedded", pytest.param("viceroy", marks=pytest.mark.viceroy)]
OLDER = pytest.param("older", marks=pytest.mark.viceroy)
on_an_older_one_too = pytest.mark.parametrize("edge", [*EDGES, OLDER], indirect=True)


def older_pushpin() -> Path:
    """Returns the system's Pushpin. Skips the test if it is not older than what the other tests use."""
    program = programs.find("pushpin", pushpin.SYSTEM_PROGRAM)
    if program is None or pushpin.identify(program).is_current:
        pytest.skip(f"this system's own Pushpin is not older than {pushpin.CURRENT_TEXT}")
    current_pushpin()
    return program


def current_pushpin() -> Path:
    """Returns the newest Pushpin. Skips the test if that is an older one, which then has the tests of every edge."""
    found = pushpin.find_newest(cache_folder())
    if found is None or not found.is_current:
        pytest.skip(f"`fanroute install` could get no Pushpin of version {pushpin.CURRENT_TEXT} or later")
    return found.program


class KeptEdges:
    """Keeps the edges that files share running: of each kind, the one that was used last.

    The others end, because each Viceroy takes 6 % of a processor even if nobody uses it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Edge, ExitStack]] = {}

    def get(self, name: str, kind: str, start: Callable[[], AbstractContextManager[Edge]]) -> Edge:
        """Returns the running edge of a name, of one of EDGES or OLDER, and starts it if necessary."""
        if kind in self._kept and self._kept[kind][0] != name:
            self._kept.pop(kind)[2].close()
        if kind not in self._kept:
            ending = ExitStack()
            self._kept[kind] = name, ending.enter_context(start()), ending
        return self._kept[kind][1]

    def end(self) -> None:
        with ExitStack() as endings:
            for _, _, ending in self._kept.values():
                endings.enter_context(ending)


@pytest.fixture(scope="session")
def kept_edges() -> Iterator[KeptEdges]:
    """The edges that files share."""
    kept = KeptEdges()
    yield kept
    kept.end()


@pytest.fixture(params=EDGES)
def edge(
    request: pytest.FixtureRequest,
    kept_edges: KeptEdges,
    origin: Origin,
    own_project: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Edge:
    """Each local edge in turn, serving the repository's routes.yaml with our origin behind it."""

    def start() -> AbstractContextManager[Edge]:
        folder = tmp_path_factory.mktemp(request.param)
        routes = (REPOSITORY / "routes.yaml").read_text()
        before = 'origin: {url: "https://app.example.com"}'
        assert before in routes
        # The component stays the same, because it does not contain the URLs of backends.
        copied(own_project, folder).routes.write_text(
            routes.replace(before, f'origin: {{url: "https://app.example.com", local: "{origin.url}"}}')
        )
        return running(request.param, folder)

    started = kept_edges.get("own", request.param, start)
    origin.edge_url = started.url
    return started


def edge_of(
    name: str, files: Mapping[str, bytes] = MappingProxyType({}), options: Sequence[str] = ()
) -> Callable[..., Iterator[Edge]]:
    """Returns a fixture: each local edge in turn, serving tests/e2e/routes/NAME.yaml with our origin (`ORIGIN` there) behind it.

    `files` are added to those of tests/e2e/files, by name; `options` are added to the command.
    """

    @pytest.fixture(scope="module", params=EDGES)
    def started(request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
        folder = tmp_path_factory.mktemp(f"{name}-{request.param}")
        write_routes(name, origin, folder)
        for path, content in files.items():
            (folder / path).write_bytes(content)
        with running(request.param, folder, *options) as edge:
            yield edge

    return started


def shared_edge_of(name: str) -> Callable[..., Edge]:
    """Returns a fixture like those of `edge_of`, for several files."""

    @pytest.fixture(params=EDGES)
    def started(
        request: pytest.FixtureRequest, kept_edges: KeptEdges, origin: Origin, tmp_path_factory: pytest.TempPathFactory
    ) -> Edge:
        def start() -> AbstractContextManager[Edge]:
            folder = tmp_path_factory.mktemp(f"{name}-{request.param}")
            write_routes(name, origin, folder)
            return running(request.param, folder)

        return kept_edges.get(name, request.param, start)

    return started


def write_routes(name: str, origin: Origin, folder: Path) -> None:
    """Writes tests/e2e/routes/NAME.yaml and tests/e2e/files to a folder."""
    routes = (ROUTES / f"{name}.yaml").read_text()
    (folder / "routes.yaml").write_text(routes.replace("ORIGIN", origin.url))
    shutil.copytree(Path(__file__).parent / "files", folder / "files")


actions_edge = shared_edge_of("actions")
channels_edge = shared_edge_of("channels")
defaults_edge = shared_edge_of("defaults")
hard_edge = shared_edge_of("hard")
hostile_edge = shared_edge_of("hostile")
patterns_edge = shared_edge_of("patterns")


@contextmanager
def running(name: str, folder: Path, *options: str, **environment: str) -> Iterator[Edge]:
    """Yields an edge, stops it by Ctrl-C, and asserts that nothing is left behind. `older` is Viceroy with an older Pushpin."""
    if name == "older":
        name, environment = "viceroy", environment | {"FANROUTE_PUSHPIN": str(older_pushpin())}
    environment_of_routes = options[options.index("--env") + 1] if "--env" in options else PRODUCTION
    build_once(Workspace(folder / "routes.yaml", environment=environment_of_routes))
    with stopped(Edge(name, folder, *options, **environment)) as started:
        yield started


@contextmanager
def stopped(started: Edge) -> Iterator[Edge]:
    """Stops an edge in the end, and asserts that no process is left."""
    yield started
    pids = processes(started)
    assert started.stop() == 0
    left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert not left, f"still running: {left}"
    assert "Traceback" not in "".join(started.output)


def processes(edge: Edge) -> list[int]:
    """Returns the ids of an edge's process, of its child processes, and of theirs."""
    found = [edge._process.pid]
    for pid in found:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, task.read_text().split())
    return found


def named_processes(edge: Edge, name: str) -> list[int]:
    """Returns the ids of those of an edge's processes, other than its own, whose program's name contains a text."""
    named = []
    for pid in processes(edge)[1:]:
        with suppress(FileNotFoundError, ProcessLookupError):
            if name in Path(f"/proc/{pid}/comm").read_text():
                named.append(pid)
    return named


def wait_until(condition: Callable[[], object], timeout: float = ANSWER_TIMEOUT) -> None:
    """Waits until a condition holds, and asserts that it does within so many seconds."""
    deadline = monotonic() + timeout
    while not condition() and monotonic() < deadline:
        sleep(0.05)
    assert condition()


@contextmanager
def open_websocket(edge: Edge, path: str, **options: Any) -> Iterator[ClientConnection]:
    """Yields a WebSocket to an edge."""
    url = edge.url.replace("http", "ws", 1) + path
    with connect(url, proxy=None, max_size=None, open_timeout=ANSWER_TIMEOUT, **options) as client:
        wait_for_subscription(edge)
        yield client


def wait_for_subscription(edge: Edge) -> None:
    """Waits until a WebSocket that has opened is subscribed. Pushpin answers a moment before, and does not tell when."""
    if edge.name == "viceroy":
        sleep(0.1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    for edge in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(edge, Edge):
            report.sections.append((f"the {edge.name} edge", edge.recent_log()))
    return report
