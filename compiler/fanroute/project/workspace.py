"""Represents a user's folder: which files it has, what each is for, and how they are read and written."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.rule import Rule
from fanroute.project.cache import Cache, local_token_key
from fanroute.project.folder import MAX_COMPONENT, MAX_TEXT, Folder, obstacle_error, read, read_bounded
from fanroute.spec.document import PRODUCTION
from fanroute.spec.inputs import Inputs

FR101 = Rule(
    "FR101",
    "error",
    "the file cannot be read",
    "There is no such file, or it is a folder, or its permissions forbid reading it, or it has more than 4 MiB.",
    None,
    "Name a file that exists, as in `fanroute check path/to/routes.yaml`, or run the command in the file's folder. "
    "`fanroute init` makes a routes.yaml.",
)


# The name of the file of routes, if the user gives no other.
DEFAULT_ROUTES = "routes.yaml"
# The paths of the files that are written, relative to the folder.
_WASM = "bin/main.wasm"
_APP, _GOOD, _LOCK, _LOGS = "build/app", "build/good.wasm", "build/lock", "build/logs"
_SERVING = "build/serving.json"
# A Makefile with this target builds the folder.
_BUILD_TARGET = re.compile(rb"^build\s*:", re.MULTILINE)


class BadManifest(Exception):
    """Raised if fastly.toml exists and cannot be used. `line` and `column` begin at 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Workspace:
    """Represents the files around a routes.yaml.

    `wasm` is the component that ships. `good` is a copy of the last one that was built, which `fastly compute build` does not
    remove. The copy is used only if the user's cache has a record of its build in this folder. Writing follows no link below the
    folder. `environment` is one of routes.yaml, or `production`. As for the Fastly CLI, each has a fastly.toml of its own.
    """

    def __init__(self, routes: Path, piped: BinaryIO | None = None, environment: str = PRODUCTION) -> None:
        folder = routes.parent
        self.routes = routes
        self.tests = folder / f"{routes.stem}.test.yaml"  # `with_name` would raise for a path without a name, such as `.`
        self._piped = piped
        self._read_from_pipe: bytes | None = None
        self._folder = Folder(folder)
        self.environment = environment
        self.manifest = folder / manifest_name(environment)
        self.wasm = folder / _WASM
        self.build = folder / "build"
        self.app = folder / _APP
        self.good = folder / _GOOD
        self.logs = folder / _LOGS
        self.serving = folder / _SERVING

    @cached_property
    def cache(self) -> Cache:
        """Returns the user's cache. It stays unused if it cannot be trusted here."""
        return Cache(self.routes.parent)

    @cached_property
    def token_key(self) -> str:
        """Returns the key of the tokens that local edges accept."""
        return local_token_key(self.cache)

    @property
    def has_makefile(self) -> bool:
        """Returns True if `make build` builds this folder with Fanroute, in this environment."""
        try:
            makefile = self.read("Makefile")
        except OSError:
            return False
        if b"fanroute" not in makefile or _BUILD_TARGET.search(makefile) is None:
            return False
        return self.environment == PRODUCTION or b"--env" in makefile

    def read_routes(self) -> bytes:
        """Returns the bytes of routes.yaml, or those that were piped instead. Raises Invalid (FR101)."""
        if self._piped is None:
            return read_file(self.routes)
        if self._read_from_pipe is None:
            self._read_from_pipe = read_file(self.routes, piped=self._piped)
        return self._read_from_pipe

    def write_routes(self, text: str) -> None:
        """Writes routes.yaml and keeps its permissions. Raises Invalid (FR517) if it is a link that leads out of the folder."""
        folder, file = self.routes.parent.resolve(), self.routes.resolve()
        if not file.is_relative_to(folder):
            raise obstacle_error(self.routes, self.routes.lstat().st_mode, "file")
        Folder(folder).write(file.relative_to(folder).as_posix(), text.encode())

    def inputs(self) -> Inputs:
        """Returns the environment and the files with which this folder's routes.yaml is compiled."""
        return Inputs(os.environ, self.read, str(self.routes.parent), self.environment)

    def read(self, path: str, limit: int = MAX_TEXT) -> bytes:
        """Returns the content of a file within the folder. Raises OSError, also if it has more than `limit` bytes."""
        folder = self.routes.parent.resolve()
        file = Path(os.path.realpath(folder / path, strict=True))
        if not file.is_relative_to(folder):
            raise OSError("it leads out of the folder")
        return read(file, limit)

    def read_wasm(self) -> bytes:
        """Returns the bytes of the component that ships."""
        return read(self.wasm, MAX_COMPONENT)

    def read_manifest(self, environment: str | None = None) -> str | None:
        """Returns the text of fastly.toml, or None if it is missing. Raises BadManifest, and Invalid if it is not a file.

        It is the one of this environment, or of another one.
        """
        try:
            raw = self._folder.read(manifest_name(environment or self.environment))
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
        """Writes fastly.toml."""
        self._folder.write(self.manifest.name, text.encode())

    def refuse_links(self) -> None:
        """Raises Invalid (FR517) for every link or other obstacle where a build or a local edge writes."""
        logs = [f"{_LOGS}/{path.name}" for path in sorted(self.logs.iterdir())] if self.logs.is_dir() else []
        obstacles = self._folder.find_obstacles(
            ["bin", "build", _APP, _LOGS], [_WASM, _GOOD, _LOCK, _SERVING, self.manifest.name, *logs]
        )
        if obstacles:
            raise Invalid(obstacles)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing `build/`, for example a second `fanroute serve` in the folder."""
        with self._folder.open_for_lock(_LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def announced(self, content: bytes) -> AbstractContextManager[Callable[[bytes], None]]:
        """Keeps a file with this content in `build/` as long as the context lasts. A newer one replaces it.

        Yields a function that gives it other content.
        """
        return self._folder.locked_file(_SERVING, content)

    def read_announced(self) -> tuple[bytes | None, bool]:
        """Returns the content of the file of `announced`, or None, and True if a process has left one behind.

        The lock ends with the process, so a file that was left behind, or comes with a cloned folder, is not believed.
        """
        try:
            content = self._folder.read_locked(_SERVING)
        except FileNotFoundError:
            return None, False
        return content, content is None

    def write_app(self, files: dict[str, str]) -> None:
        """Makes `build/app/` contain exactly these files, by relative path."""
        self._folder.remove(_APP)
        for name, text in files.items():
            self._folder.write(f"{_APP}/{name}", text.encode())

    def remove_bytecode(self) -> None:
        """Removes the `__pycache__` folders that Python has added to `build/app/`."""
        for folder in self.app.rglob("__pycache__"):
            self._folder.remove(folder.relative_to(self.routes.parent).as_posix())

    def built_component(self, key: str) -> tuple[bytes | None, str]:
        """Returns the last good component if it was built from the inputs with this key, or None.

        The second part says why an existing component is not used, if it is not known from what it was built. Otherwise it is "".
        """
        try:
            good = self._read_good()
        except OSError as error:
            return None, f"{self.good} is not used: {error.strerror or error}"
        if good is None:
            return None, ""
        built_from = self._key_of(good)
        if built_from is None:
            reason = self.cache.reason or (
                f"{self.cache.folder} has no record that you built it in this folder: "
                "the record is damaged or somebody else's, or the folder was moved or copied"
            )
            return None, f"{self.good} is not used: {reason}"
        return (good if built_from == (self.environment, key) else None), ""

    def keep_component(self, component: bytes, key: str) -> None:
        """Keeps a new component as the last good one, with the key of the inputs that it was built from."""
        self._folder.write(_GOOD, component)
        self.cache.put("built", self._record_name(component), f"{self.environment} {key}".encode())

    def write_wasm(self, component: bytes) -> None:
        """Writes the component that ships."""
        self._folder.write(_WASM, component)

    def restore_wasm(self) -> None:
        """Ships the last good component again, if this user has built it in this folder and for this environment."""
        good = self._read_good()
        built_from = None if good is None else self._key_of(good)
        if good is not None and built_from is not None and built_from[0] == self.environment:
            self.write_wasm(good)

    def _read_good(self) -> bytes | None:
        try:
            return self._folder.read(_GOOD, MAX_COMPONENT)
        except FileNotFoundError:
            return None

    def _key_of(self, component: bytes) -> tuple[str, str] | None:
        """Returns the environment and the key of the inputs that a component was built from, or None if they are not known."""
        record = self.cache.get("built", self._record_name(component))
        if record is None:
            return None
        environment, _, key = record.decode().partition(" ")
        return environment, key

    def _record_name(self, component: bytes) -> str:
        """Returns the name of a component's record, which depends on the folder: another project's component does not count."""
        return sha256(os.fsencode(self.routes.parent.resolve()) + b"\0" + component).hexdigest()


def manifest_name(environment: str) -> str:
    """Returns the name of an environment's fastly.toml. With `--env`, the Fastly CLI reads the file of this name."""
    return "fastly.toml" if environment == PRODUCTION else f"fastly.{environment}.toml"


def read_file(path: Path, usual_name: str = DEFAULT_ROUTES, piped: BinaryIO | None = None) -> bytes:
    """Returns the bytes of one of the user's files, or those that were piped instead. Raises Invalid (FR101)."""
    try:
        return read_bounded(piped) if piped else read(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        suggestion = _other_file(path, usual_name, isinstance(error, FileNotFoundError))
        raise Invalid([Diagnostic(FR101, f"the file cannot be read: {reason}", Span(), suggestion)]) from None


def _other_file(path: Path, usual_name: str, is_missing: bool) -> str:
    """Says what to do about a file that cannot be read: where there is such a file, or how one is made."""
    if path.is_dir():
        return f"name its {usual_name}: '{path / usual_name}'"
    if not is_missing or path.name != usual_name:
        return "name a file that can be read"
    misnamed = path.with_suffix(".yml")
    if misnamed.exists():
        return f"rename '{misnamed}' to '{path.name}', or name it"
    above = next((folder for folder in path.absolute().parents[1:] if (folder / usual_name).is_file()), None)
    if above is not None:
        return f"there is one in '{above}': run the command there, or name that file"
    if usual_name != DEFAULT_ROUTES:
        return "write tests in this file (docs/testing.md), or name another one"
    return "make one with `fanroute init`, or name another file"
