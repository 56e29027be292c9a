"""Follows docs/tutorial.md on the embedded edge: two windows talk, a mistake is told, and a room becomes private."""

import subprocess
import sys
from pathlib import Path

import pytest

from fanroute.devserver.ports import free_ports
from tests.conftest import REPOSITORY
from tests.e2e.browser import Browser
from tests.e2e.conftest import Edge, running, wait_until
from tests.e2e.test_templates import BESIDE, made, opened, run
from tests.e2e.test_templates import second as second
from tests.support.snippets import snippets

pytestmark = pytest.mark.slow

PAGE = REPOSITORY / "docs" / "tutorial.md"
WRONG, PRIVATE = [snippet.text for snippet in snippets(PAGE) if snippet.is_whole]
TIMEOUT = 120  # seconds
SAY = "send('form', {from: 'Ann', text: args[0]})"


def fanroute(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "fanroute", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_the_tutorial_goes_as_it_says(chromium: Browser, second: Browser, tmp_path: Path) -> None:
    folder = made("chat", tmp_path)
    port = str(free_ports(0)[0])
    with running("embedded", folder, "--with", BESIDE, PORT=port) as edge:
        routes = folder / "routes.yaml"

        def save(text: str, told: str) -> None:
            """Saves a routes.yaml of the page, with the port of this test's server, and waits for a line about it."""
            before = len(edge.output)
            routes.write_text(text.replace(":3000", f":{port}"))
            wait_until(lambda: told in "".join(edge.output[before:]))

        wait_until(lambda: "The server listens" in "".join(edge.output))
        with opened(edge, "/", chromium, second):
            for window in (chromium, second):
                run(window, "await until(() => text('state').startsWith('Connected'))")
            run(chromium, SAY, "hello")
            run(second, "await until(() => text('messages').includes('Ann: hello'))")
            published = fanroute(folder, "publish", "room-blue", '{"id": "2", "from": "terminal", "text": "hi"}', "--json")
            assert published.returncode == 0
            run(second, "await until(() => text('messages').includes('terminal: hi'))")

            save(WRONG, "error[FR201]: unknown key 'chanel'")
            run(chromium, SAY, "still here")
            run(second, "await until(() => text('messages').includes('Ann: still here'))")

            save(PRIVATE, "saved: served")
            run(chromium, SAY, "still held")
            run(second, "await until(() => text('messages').includes('Ann: still held'))")
        listen_in_private(edge, folder)


def listen_in_private(edge: Edge, folder: Path) -> None:
    """Listens to the private room with a token and without, as the page says."""
    for method in ("GET", "POST"):
        assert edge.client.request(method, "/rooms/green/messages", json={"from": "eve", "text": "hi"}).status_code == 401
    refused = fanroute(folder, "listen", "/rooms/green/events", "--count", "1")
    assert refused.returncode == 1 and "the server answers 401" in refused.stderr
    token = fanroute(folder, "token", "--claims", '{"rooms": ["room-green"]}').stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert edge.client.get("/rooms/green/messages", headers=headers).json() == []
    assert edge.client.get("/rooms/red/messages", headers=headers).status_code == 403
    command = [sys.executable, "-P", "-m", "fanroute", "listen", "/rooms/green/events", "--count", "1", "--token", token]
    listener = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        wait_until(lambda: "subscribed to room-green" in "".join(edge.output))
        assert fanroute(folder, "publish", "room-green", "hello").returncode == 0
        assert listener.communicate(timeout=TIMEOUT)[0].endswith("hello\n")
    finally:
        listener.kill()
        listener.wait()
