"""Keeps build results in the user's cache, for later runs. Only the user can write to it, and no project can add anything."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.folder import MAX_COMPONENT, Folder

NAME = "fanroute"
# How many files of each kind are kept, those that were used last.
KEPT = {"compiled": 8, "built": 500}
_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Returns the cache's folder, which all projects of the user share. Raises OSError if there is no place for one.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/, which also says that a relative path does not count.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError as error:
            raise OSError("there is no home folder to keep a cache in; set HOME or XDG_CACHE_HOME") from error
    if not base.is_absolute():
        raise OSError("HOME is not an absolute path")
    return base / NAME


class Cache:
    """Reads and writes the cache for one project. If it cannot be trusted or written, it is not used; `reason` says why."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self.reason = ""
        try:
            self.folder = self.trusted()
            self._files = Folder(self.folder.parent, private=True)
            for kind in KEPT:
                self._files.make(f"{NAME}/{kind}")
            if not os.access(self.folder, os.W_OK):
                self.reason = f"{self.folder} is not writable"
        except (OSError, Invalid) as error:
            self.reason = told(error)

    def trusted(self) -> Path:
        """Returns the cache's folder, for programs that are kept there. Raises OSError or Invalid if others could write to it."""
        folder = cache_folder()
        project = self._project.resolve()
        if folder.resolve().is_relative_to(project) or Path(os.path.normpath(folder)).is_relative_to(project):
            raise OSError(f"{folder} lies in the project's folder; set XDG_CACHE_HOME to another place")
        Folder(folder.parent, private=True).make(NAME)
        return folder

    def get(self, kind: str, name: str) -> bytes | None:
        """Returns the content kept under a name, or None if it is missing, damaged or not to be trusted."""
        if self.reason:
            return None
        with suppress(OSError, Invalid):
            kept = self._files.read(f"{NAME}/{kind}/{name}", MAX_COMPONENT)
            digest, content = kept[:_DIGEST], kept[_DIGEST:]
            return content if hashlib.sha256(content).digest() == digest else None
        return None

    def put(self, kind: str, name: str, content: bytes) -> None:
        """Keeps content under a name, and removes the files that were unused for longest. Does nothing if that fails."""
        if self.reason:
            return
        with suppress(OSError, Invalid):
            self._files.write(f"{NAME}/{kind}/{name}", hashlib.sha256(content).digest() + content)
            for former in self._files.newest_first(f"{NAME}/{kind}")[KEPT[kind] :]:
                self._files.remove(f"{NAME}/{kind}/{former}")


def told(error: OSError | Invalid) -> str:
    """Returns an error's text, worded as a part of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error)
