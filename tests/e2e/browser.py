"""Drives a headless Chromium by WebDriver, with chromedriver. Source: https://www.w3.org/TR/webdriver2/"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from fanroute.project import processes

# All names lead to this machine, so a page can have any host, and no request leaves the machine.
_ARGUMENTS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync --no-proxy-server --disable-dev-shm-usage
""".split()
_RESOLVER = "--host-resolver-rules=MAP * 127.0.0.1"
TIMEOUT = 60  # seconds


class Browser:
    """Represents a browser with one window. A script is the body of an async function, with `args` as its arguments."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client = client
        self._session = session

    def open(self, url: str) -> None:
        """Loads a page."""
        self._command("url", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """Runs a script in the page. Returns its result, or `Error: message` if it throws."""
        wrapped = f"""
            const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);
            (async () => {{ {script} }})().then(done, (error) => done("Error: " + error.message));
        """
        return self._command("execute/async", script=wrapped, args=args)

    def devtools(self, method: str, **parameters: Any) -> Any:
        """Calls a method of Chrome's DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""
        return self._command("goog/cdp/execute", cmd=method, params=parameters)

    def _command(self, name: str, **body: Any) -> Any:
        answer = self._client.post(f"/session/{self._session}/{name}", json=body)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yields a browser with its profile in a new folder. It ends with the context."""
    driver = processes.find("chromedriver")
    assert driver, "chromedriver is missing: make test installs it (Debian: chromium-driver)"
    process = subprocess.Popen([driver, "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = next(
            found.group(1) for line in process.stdout if (found := re.search(r"started successfully on port (\d+)", line))
        )
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT, trust_env=False) as client:
            options = {"args": [*_ARGUMENTS, _RESOLVER, f"--user-data-dir={folder / 'profile'}"]}
            wanted = {"goog:chromeOptions": options, "timeouts": {"script": TIMEOUT * 500}}
            answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            assert answer.is_success, answer.text
            session = answer.json()["value"]["sessionId"]
            try:
                yield Browser(client, session)
            finally:
                client.delete(f"/session/{session}")
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()
