"""Tests builds that find the base of their component in the cache: what they make, and when they make the base again."""

import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from fanroute.bundle import base as bases
from fanroute.bundle import builder, toolchain
from fanroute.host.component import EmbeddedComponent, compile_quickly
from fanroute.host.exchange import Exchange
from fanroute.pipeline import compile_routes
from fanroute.project.folder import write
from fanroute.project.workspace import Workspace
from tests.conftest import INPUTS, REPOSITORY
from tests.support.builds import FLATTEN

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FLATTEN, reason="without flattening, there is no base")]

ROUTES = """
version: 1
service: {name: base}
backends: {origin: {url: "https://origin.example.com"}}
routes:
  - {match: {path: /%s}, respond: {status: 200, body: %s}}
  - {match: {path: /*}, handoff: origin}
"""
# A component that is written instead of the one that componentize-py would make.
AS_MADE = b"\0asm\x0d\0\1\0"


class Folder:
    """Represents a folder to build in, whose builds count how often they call componentize-py."""

    def __init__(self, path: Path, text: str) -> None:
        path.mkdir()
        self.workspace = Workspace(path / "routes.yaml")
        self.write(text)

    def write(self, text: str) -> None:
        self.workspace.routes.write_text(ROUTES % (text, text))

    def build(self) -> bytes:
        """Returns the component that `fanroute build` makes without warnings."""
        assert builder.build(self.workspace, print).warnings == ()
        return self.workspace.read_wasm()

    def answer(self, text: str) -> bytes:
        """Returns the body of the component's answer to a request."""
        exchange = Exchange(f"https://example.com/{text}", [], frozenset({"origin"}))
        assert EmbeddedComponent(*compile_quickly(self.workspace.read_wasm())).handle(exchange)
        assert exchange.answer is not None
        return exchange.answer.body


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gives the tests a cache of their own, with the base for their routes."""
    with pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("cache")
        patched.setenv("XDG_CACHE_HOME", str(home))
        Folder(tmp_path_factory.mktemp("first") / "project", "first").build()
        yield home / "fanroute"


@pytest.fixture
def made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Notes for each call of componentize-py if it makes a base."""
    calls = []
    componentize = toolchain.componentize

    def noted(app: Path, wit: Path, new: Path, with_native: bool = False) -> None:
        calls.append(with_native)
        if with_native:
            componentize(app, wit, new, with_native)
        else:
            write(new, AS_MADE)

    monkeypatch.setattr(toolchain, "componentize", noted)
    return calls


def test_the_same_routes_give_the_same_component(tmp_path: Path, made: list[bool]) -> None:
    """Nothing but the routes counts: not the folder, and not whether other routes were built in between."""
    one, other = Folder(tmp_path / "one", "same"), Folder(tmp_path / "other", "different")
    first, different = one.build(), other.build()
    other.write("same")
    assert other.build() == first != different
    assert other.answer("same") == b"same"
    assert made == []


def test_changed_routes_are_served(tmp_path: Path, made: list[bool]) -> None:
    folder = Folder(tmp_path / "changing", "wombat")
    folder.build()
    assert folder.answer("wombat") == b"wombat"
    folder.write("quokka")
    folder.build()
    assert (folder.answer("quokka"), made) == (b"quokka", [])
    assert b"wombat" not in folder.workspace.read_wasm(), "nothing of the first build is in the second"


def base_in(cache: Path) -> Path:
    """Returns the file with the base."""
    (found,) = (cache / "bases").iterdir()
    return found


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "of an earlier version": lambda content: sha256(AS_MADE).digest() + AS_MADE,
    "a changed byte": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_base_is_not_used(
    tmp_path: Path, cache: Path, made: list[bool], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Damaged machine code is not used either."""
    whole = base_in(cache).read_bytes()

    def componentize(app: Path, wit: Path, new: Path, with_native: bool) -> None:
        made.append(with_native)
        write(new, AS_MADE)

    monkeypatch.setattr(toolchain, "componentize", componentize)
    monkeypatch.setattr(toolchain, "make_base", lambda *_: zlib.decompress(whole[32:]))  # a file begins with a digest
    for file in [base_in(cache), *(cache / "compiled").iterdir()]:
        file.write_bytes(DAMAGE[kind](file.read_bytes() or b"\0"))
    folder = Folder(tmp_path / "project", kind.replace(" ", "-"))
    folder.build()
    assert made == [True]
    assert base_in(cache).read_bytes() == whole
    assert folder.answer(kind.replace(" ", "-")) == kind.replace(" ", "-").encode()


def test_a_base_that_fails_is_told(tmp_path: Path, made: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """The component then ships as componentize-py makes it."""
    app_files = builder.app_files
    monkeypatch.setattr(builder, "app_files", lambda plan: app_files(plan) | {"routes.jsonl": "no JSON\n"})
    folder = Folder(tmp_path / "failing", "failing")
    (warning,) = builder.build(folder.workspace, print).warnings
    assert "the memory of the snapshot could not be made: error while executing at wasm backtrace:" in warning
    assert (made, folder.workspace.read_wasm()) == ([False], AS_MADE)


def test_other_modules_need_another_base(tmp_path: Path, made: list[bool]) -> None:
    """The runtime's sources count, and so do the modules that the routes need."""
    folder = Folder(tmp_path / "project", "few")
    few, many = (
        builder.app_files(compile_routes(routes.read_bytes(), INPUTS).plan)
        for routes in (folder.workspace.routes, REPOSITORY / "routes.yaml")
    )
    assert bases.find_base(few, folder.workspace.cache) is not None
    assert bases.find_base(few | {"routes.jsonl": ""}, folder.workspace.cache) is not None
    assert bases.find_base(few | {"fanroute_runtime/decide.py": "# changed"}, folder.workspace.cache) is None
    assert bases.find_base(many, folder.workspace.cache) is None
