"""Two people chat in browsers through the edge, with no server: examples/chat-without-server, and the chat template's edition."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES
from tests.e2e.browser import Browser, browser
from tests.e2e.conftest import EDGES, Edge, running
from tests.e2e.pages import SIZES, THEMES, check_page, emulated, screenshot
from tests.e2e.test_templates import made, opened, run
from tests.support.tokens import EC, by_pyjwt, public

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser of a second person."""
    with browser(tmp_path_factory.mktemp("second")) as started:
        yield started


@pytest.fixture(scope="module", params=EDGES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Each local edge in turn, serving the example with a key of ours."""
    folder = tmp_path_factory.mktemp("without-server") / "chat"
    shutil.copytree(EXAMPLES["chat-without-server"], folder)
    (folder / "keys" / "login.pem").write_bytes(public(EC))
    with running(request.param, folder) as edge:
        yield edge


@pytest.fixture(scope="module", params=EDGES)
def edition(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """Each local edge in turn, serving the edition of the chat template."""
    folder: Path = made("chat", tmp_path_factory.mktemp("edition"))
    (folder / "without-server.yaml").replace(folder / "routes.yaml")
    with running(request.param, folder) as edge:
        yield edge


def token(name: str, *may_write: str) -> str:
    claims = {"sub": name, "aud": "chat", "exp": int(time.time()) + 3600, "rooms": ["blue"], "may_write": may_write}
    return by_pyjwt(claims, "ES256").decode()


def enter(window: Browser, signed: str) -> None:
    run(window, "send('enter', {token: args[0]}); await until(() => text('state') === 'Connected.')", signed)


def test_two_people_chat_and_a_third_reads(example: Edge, chromium: Browser, second: Browser) -> None:
    """Each message has the name that the writer's token has. One person may read and not write."""
    with opened(example, "/", chromium, second):
        enter(chromium, token("Ann", "room-blue"))
        enter(second, token("Bob", "room-blue"))
        run(chromium, "send('write', {text: 'Hello <b>Bob</b>'})")
        for window in (chromium, second):
            run(window, "await until(() => lines('messages') === 'Ann: Hello <b>Bob</b>')")
        run(second, "send('write', {text: args[0]})", '{"from": "Ann", "body": "forged"}')
        for window in (chromium, second):
            shown = 'Ann: Hello <b>Bob</b>\\nBob: {"from": "Ann", "body": "forged"}'
            run(window, f"await until(() => lines('messages') === '{shown}')")
    with opened(example, "/", chromium, second):
        enter(chromium, token("Ann", "room-blue"))
        enter(second, token("Eve", "room-red"))
        run(second, "send('write', {text: 'I must not'}); await until(() => text('problem').startsWith('Not sent: The token'))")
        run(chromium, "send('write', {text: 'but read'}); await until(() => lines('messages') === 'Ann: but read')")
        run(second, "await until(() => lines('messages') === 'Ann: but read')")


def test_nobody_enters_without_a_token(example: Edge, chromium: Browser) -> None:
    with opened(example, "/", chromium):
        for signed in ("none", token("Ann")[:-4], by_pyjwt({"sub": "Ann", "aud": "chat"}, "ES256").decode()):
            run(chromium, "send('enter', {token: args[0]}); await until(() => socket && socket.readyState === 3)", signed)
            assert run(chromium, "return text('state')") == "Not connected."


def test_the_page_fits(example: Edge, chromium: Browser, axe: str, screenshots: Path) -> None:
    if example.name != "embedded":
        pytest.skip("the page is the same on each edge")
    with opened(example, "/", chromium):
        enter(chromium, token("Ann", "room-blue"))
        run(chromium, "send('write', {text: 'word '.repeat(40)}); await until(() => text('messages').includes('word'))")
        for size in SIZES:
            for theme in THEMES:
                with emulated(chromium, size, theme):
                    check_page(chromium, axe)
                    (screenshots / f"chat-without-server-{size[0]}-{theme}.png").write_bytes(screenshot(chromium))


def test_the_edition_of_the_template(edition: Edge, chromium: Browser, second: Browser) -> None:
    """It has the template's own page, and no server beside the edge."""
    with opened(edition, "/", chromium, second):
        for window in (chromium, second):
            run(window, "await until(() => text('state').startsWith('Connected'))")
        run(chromium, "send('form', {from: 'Ann', text: 'Hello'})")
        run(second, "await until(() => lines('messages') === 'Ann: Hello')")
        run(second, "send('form', {from: 'Bob', text: 'Hello Ann'})")
        run(chromium, "await until(() => lines('messages') === 'Ann: Hello\\nBob: Hello Ann')")
