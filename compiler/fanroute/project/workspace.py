"""A user's folder: which files are in it, and what each is for."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import fanroute_runtime
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.rule import Rule
from fanroute.project.cache import Cache
from fanroute.project.errors import BadManifest
from fanroute.project.folder import MAX_COMPONENT, MAX_TEXT, Folder, bounded, in_the_way, read
from fanroute.spec.inputs import Inputs

FR101 = Rule(
    "FR101",
    "error",
    "the file can be read",
    "There is no such file, or it is a folder, or its permissions forbid reading it, or it has more than 4 MiB.",
    None,
    "Name a file that is there, as in `fanroute check path/to/routes.yaml`, or run the command in its folder.",
)


# What is written, by its path from the folder.
_MANIFEST, _WASM = "fastly.toml", "bin/main.wasm"
_APP, _GOOD, _LOCK, _LOGS = "build/app", "build/good.wasm", "build/lock", "build/logs"
# A Makefile builds if it has this.
_BUILDS = re.compile(rb"^build\s*:", re.MULTILINE)


def wit_folder() -> Path:
    """The folder of the WIT, beside the runtime's package."""
    return Path(str(files(fanroute_runtime))).parent / "wit"


def runtime_sources() -> dict[str, str]:
    """The source of each runtime module, by its dotted name."""
    return sources(fanroute_runtime)


def wit_sources() -> dict[str, str]:
    """The texts of the WIT, by file name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(wit_folder().glob("*.wit"))}


def sources(*modules: ModuleType) -> dict[str, str]:
    """Returns the source of each module by its dotted name, for a package that of every module in it."""
    return {name: path.read_text(encoding="utf-8") for module in modules for name, path in _files(module)}


def _files(module: ModuleType) -> Iterator[tuple[str, Path]]:
    """Yields the dotted name and the file of a module, for a package those of every module in it."""
    file, name = Path(str(module.__file__)), module.__name__
    yield name, file
    if file.stem == "__init__":
        for path in sorted(set(file.parent.rglob("*.py")) - {file}):
            parts = path.relative_to(file.parent).with_suffix("").parts
            yield ".".join((name, *parts)).removesuffix(".__init__"), path


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
    """Make files in a folder, and the folder. Raises FileExistsError, and makes none, if one of them is there.

    Raises Invalid if a link stands in the way: the folder itself, or one of those that its relative path names.
    """
    root, below = _named(folder)
    wrong = Folder(root).wrong(["/".join(below.parts[:end]) for end in range(1, len(below.parts) + 1)], [])
    if wrong:
        raise Invalid(wrong[:1])
    taken = next((folder / name for name in texts if os.path.lexists(folder / name)), None)
    if taken:
        raise FileExistsError(f"{taken} is there already")
    for name, text in texts.items():
        Folder(root).write((below / name).as_posix(), text.encode())


def _named(folder: Path) -> tuple[Path, Path]:
    """Returns where the path to a folder begins, and the rest of it, whose parts are to be no links."""
    if folder.is_absolute() or ".." in folder.parts:
        return folder.parent, Path(folder.name)
    return Path(), folder


class Workspace:
    """The files around a routes.yaml.

    What is shipped is `wasm`. `good` is the same, kept where `fastly compute build` does not remove it; the user's cache has a
    record of what it was made from in this folder, without which it is not used. No link below the folder is followed where
    anything is written.
    """

    def __init__(self, routes: Path, piped: BinaryIO | None = None) -> None:
        folder = routes.parent
        self.routes = routes
        self.tests = folder / f"{routes.stem}.test.yaml"  # the path may be a folder's, without a name
        self._piped = piped
        self._folder = Folder(folder)
        self.manifest = folder / "fastly.toml"
        self.wasm = folder / _WASM
        self.build = folder / "build"
        self.app = folder / _APP
        self.good = folder / _GOOD
        self.logs = folder / _LOGS

    @cached_property
    def cache(self) -> Cache:
        """The user's cache, as far as it can be trusted here."""
        return Cache(self.routes.parent)

    @property
    def has_makefile(self) -> bool:
        """Returns True if `make build` builds this folder with Fanroute."""
        try:
            makefile = self.read("Makefile")
        except OSError:
            return False
        return b"fanroute" in makefile and _BUILDS.search(makefile) is not None

    def read_routes(self) -> bytes:
        """The bytes of routes.yaml, or what was piped in its place. Raises Invalid."""
        return read_file(self.routes, piped=self._piped)

    def write_routes(self, text: str) -> None:
        """Write routes.yaml, with the permissions it has. A link is followed within the folder, else Invalid is raised."""
        folder, file = self.routes.parent.resolve(), self.routes.resolve()
        if not file.is_relative_to(folder):
            raise in_the_way(self.routes, self.routes.lstat().st_mode, "file")
        Folder(folder).write(file.relative_to(folder).as_posix(), text.encode())

    def inputs(self) -> Inputs:
        """What this folder's routes.yaml is compiled with."""
        return Inputs(os.environ, self.read)

    def read(self, path: str, limit: int = MAX_TEXT) -> bytes:
        """The content of a file within the folder. Raises OSError, also for one that is larger than `limit`."""
        folder = self.routes.parent.resolve()
        file = Path(os.path.realpath(folder / path, strict=True))
        if not file.is_relative_to(folder):
            raise OSError("it leads out of the folder")
        return read(file, limit)

    def read_wasm(self) -> bytes:
        """The bytes of what is shipped."""
        return read(self.wasm, MAX_COMPONENT)

    def read_manifest(self) -> str | None:
        """The text of fastly.toml, None where there is none. Raises BadManifest, and Invalid for what is no file."""
        try:
            raw = self._folder.read(_MANIFEST)
            return raw.decode("utf-8-sig")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode(errors="replace")
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            raise BadManifest("the file is not UTF-8 text: save it as UTF-8", line, column) from error
        except OSError as error:
            raise BadManifest(f"the file cannot be read: {(error.strerror or str(error)).lower()}") from error

    def write_manifest(self, text: str) -> None:
        self._folder.write(_MANIFEST, text.encode())

    def refuse_links(self) -> None:
        """Raises Invalid, for all of them, if a link or something else stands where a build or a local edge writes."""
        logs = [f"{_LOGS}/{path.name}" for path in sorted(self.logs.iterdir())] if self.logs.is_dir() else []
        wrong = self._folder.wrong(["bin", "build", _APP, _LOGS], [_WASM, _GOOD, _LOCK, _MANIFEST, *logs])
        if wrong:
            raise Invalid(wrong)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Where `build/` changes: one process at a time, as of two `fanroute serve` in one folder."""
        with self._folder.opened(_LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def stage(self, files: dict[str, str]) -> None:
        """Make `build/app/` hold exactly these files."""
        self._folder.remove(_APP)
        for name, text in files.items():
            self._folder.write(f"{_APP}/{name}", text.encode())

    def tidy(self) -> None:
        """Remove what Python has added to the staged files."""
        for trace in self.app.rglob("__pycache__"):
            self._folder.remove(trace.relative_to(self.routes.parent).as_posix())

    def kept(self, key: str) -> tuple[bytes | None, str]:
        """Returns the good component if it was made from what `key` stands for.

        If it is there and nobody can tell what it was made from, the second part says why it is not used.
        """
        try:
            good = self._read_good()
        except OSError as error:
            return None, f"{self.good} is not used: {error.strerror or error}"
        if good is None:
            return None, ""
        made_from = self._made_from(good)
        if made_from is None:
            reason = self.cache.reason or (
                f"{self.cache.folder} has no record that you built it in this folder: "
                "it is damaged or somebody else's, or the folder was moved or copied"
            )
            return None, f"{self.good} is not used: {reason}"
        return (good if made_from == key else None), ""

    def keep(self, component: bytes, key: str) -> None:
        """Make a new component the good one."""
        self._folder.write(_GOOD, component)
        self.cache.put("built", self._record(component), key.encode())

    def ship(self, component: bytes) -> None:
        """Write what is shipped."""
        self._folder.write(_WASM, component)

    def compiled(self) -> Cache:
        """Where the components' compiled forms are kept: never in the folder, for they run with the user's rights."""
        return self.cache

    def put_back(self) -> None:
        """Make `wasm` the good component, if it is one that this user has built in this folder."""
        good = self._read_good()
        if good is not None and self._made_from(good) is not None:
            self.ship(good)

    def _read_good(self) -> bytes | None:
        try:
            return self._folder.read(_GOOD, MAX_COMPONENT)
        except FileNotFoundError:
            return None

    def _made_from(self, component: bytes) -> str | None:
        """Returns the key of what a component was made from; None if it is not known."""
        key = self.cache.get("built", self._record(component))
        return None if key is None else key.decode()

    def _record(self, component: bytes) -> str:
        """Returns the name of a component's record. The folder is part of it, so that no other project's component counts."""
        return sha256(os.fsencode(self.routes.parent.resolve()) + b"\0" + component).hexdigest()


def read_file(path: Path, usual: str = "routes.yaml", piped: BinaryIO | None = None) -> bytes:
    """The bytes of a file of the user's, or of what is piped in its place; `usual` is its usual name. Raises Invalid."""
    try:
        return bounded(piped) if piped else read(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        mend = f"name its {usual}: '{path / usual}'" if path.is_dir() else "name one that can"
        raise Invalid([Diagnostic(FR101, f"the file cannot be read: {reason}", Span(), mend)]) from None
