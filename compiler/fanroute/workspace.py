"""A user's folder: the only module that reads and writes its files."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fanroute.diagnostics import Diagnostic, Invalid, Span
from fanroute.errors import BadManifest
from fanroute.surroundings import Surroundings

if TYPE_CHECKING:
    from fanroute.local import Stores

RUNTIME_PACKAGE = "fanroute_runtime"


def _runtime() -> Path:
    return Path(str(files(RUNTIME_PACKAGE)))


def wit_folder() -> Path:
    """The folder of the WIT, beside the runtime's package."""
    return _runtime().parent / "wit"


def runtime_sources() -> dict[str, str]:
    """The source of each runtime module, by its dotted name."""
    sources = {}
    for path in sorted(_runtime().glob("*.py")):
        name = RUNTIME_PACKAGE if path.stem == "__init__" else f"{RUNTIME_PACKAGE}.{path.stem}"
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def wit_sources() -> dict[str, str]:
    """The texts of the WIT, by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(wit_folder().glob("*.wit"))}


def flattening_sources() -> dict[str, str]:
    """The sources of what flattens a component, by file name."""
    compiler = Path(str(files("fanroute")))
    paths = [compiler / "binary.py", compiler / "bundle.py", *sorted((compiler / "flatten").glob("*.py"))]
    return {path.relative_to(compiler).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _templates() -> Path:
    return Path(str(files("fanroute"))) / "templates" / "init"


def template_names() -> list[str]:
    """What a folder can begin as."""
    return sorted(path.name for path in _templates().iterdir() if path.is_dir())


def template_files(name: str) -> dict[str, str]:
    """The texts of a template, by file name."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((_templates() / name).iterdir())}
    return {".gitignore": (_templates() / "gitignore").read_text(encoding="utf-8"), **texts}


def create(folder: Path, texts: dict[str, str]) -> None:
    """Make files in a folder, and the folder. Raises FileExistsError, and makes none, where one of them is there."""
    taken = next((folder / name for name in texts if os.path.lexists(folder / name)), None)
    if taken:
        raise FileExistsError(f"{taken} is there already")
    for name, text in texts.items():
        write(folder / name, text.encode())


class Workspace:
    """The files around a routes.yaml.

    What is shipped is `wasm`. `good` is the same, kept where `fastly compute build` does not remove it, and `good_key`
    says what it was made from.
    """

    def __init__(self, routes: Path, piped: bytes | None = None) -> None:
        folder = routes.parent
        self.routes = routes
        self.tests = routes.with_suffix(".test.yaml")
        self._piped = piped
        self.manifest = folder / "fastly.toml"
        self.wasm = folder / "bin" / "main.wasm"
        self.build = folder / "build"
        self.app = self.build / "app"
        self.good = self.build / "good.wasm"
        self.good_key = self.build / "good.key"
        self.logs = self.build / "logs"
        self.new = self.build / "new.wasm"
        # The same with one core module, and that core module.
        self.flat = self.build / "flat.wasm"
        self.core = self.build / "core.wasm"
        self.has_makefile = (folder / "Makefile").exists()

    def read_routes(self) -> bytes:
        """The bytes of routes.yaml, or what was piped in its place. Raises Invalid."""
        return read_file(self.routes) if self._piped is None else self._piped

    def write_routes(self, text: str) -> None:
        """Write routes.yaml: where a link leads to, and with the permissions it has."""
        write(self.routes.resolve(), text.encode())

    def surroundings(self) -> Surroundings:
        """What this folder's routes.yaml is compiled with."""
        return Surroundings(runtime_sources(), os.environ, self.read)

    def read(self, path: str, limit: int) -> bytes:
        """The first bytes of a file within the folder, at most `limit`. Raises OSError."""
        folder = self.routes.parent.resolve()
        file = Path(os.path.realpath(folder / path, strict=True))
        if not file.is_relative_to(folder):
            raise OSError("it leads out of the folder")
        if not file.is_file():
            raise OSError("it is no file")
        with file.open("rb") as opened:
            return opened.read(limit)

    def read_wasm(self) -> bytes:
        """The bytes of what is shipped."""
        return self.wasm.read_bytes()

    def read_manifest(self) -> str | None:
        """The text of fastly.toml, None where there is none. Raises BadManifest."""
        try:
            return self.manifest.read_text(encoding="utf-8") if self.manifest.exists() else None
        except UnicodeDecodeError as error:
            raise BadManifest("the file is not UTF-8 text") from error

    def write_manifest(self, text: str) -> None:
        write(self.manifest, text.encode())

    def local_stores(self) -> "Stores":
        """The stores that fastly.toml has for local servers. Raises BadManifest."""
        from fanroute.stores import local_stores  # late: a check has none

        folder = self.manifest.parent
        return local_stores(self.read_manifest() or "", lambda path: (folder / path).read_bytes(), os.environ)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Where `build/` changes: one process at a time, as of two `fanroute serve` in one folder."""
        self.build.mkdir(parents=True, exist_ok=True)
        with (self.build / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def stage(self, files: dict[str, str]) -> None:
        """Make `build/app/` hold exactly these files."""
        shutil.rmtree(self.app, ignore_errors=True)
        for name, text in files.items():
            write(self.app / name, text.encode())

    def convert(self, source: Path, target: Path, change: Callable[[bytes], bytes]) -> None:
        """Make a file of what another one, or the same, becomes."""
        write(target, change(source.read_bytes()))

    def is_good(self, key: str) -> bool:
        """Whether the good component was made from what `key` stands for."""
        return self.good.exists() and self.good_key.exists() and self.good_key.read_text() == key

    def accept(self, key: str) -> None:
        """Make the new component the good one, and leave no trace of its making."""
        for trace in self.app.rglob("__pycache__"):
            shutil.rmtree(trace)
        for trace in (self.core, self.flat):
            trace.unlink(missing_ok=True)
        self.good_key.unlink(missing_ok=True)
        self.new.replace(self.good)
        write(self.good_key, key.encode())

    def compiled(self) -> Path:
        """Where the component's compiled form is kept; forms of former components are removed."""
        current = self.build / f"{sha256(self.read_wasm()).hexdigest()[:16]}.cwasm"
        for former in set(self.build.glob("*.cwasm")) - {current}:
            former.unlink()
        return current

    def put_back(self) -> bool:
        """Make `wasm` the good component; False where there is none."""
        if self.good.exists():
            write(self.wasm, self.good.read_bytes())
        return self.good.exists()


def read_file(path: Path) -> bytes:
    """The bytes of a file of the user's. Raises Invalid."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Invalid([Diagnostic("FR101", f"the file cannot be read: {reason}", Span(), "name one that can")]) from None


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    if path.exists():
        shutil.copymode(path, partial)
    partial.replace(path)
