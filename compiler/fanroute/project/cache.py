"""Keeps build results and a key in the user's cache for later runs.

Only the user can write there; nothing in a project's folder counts.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.folder import MAX_COMPONENT, Folder

NAME = "fanroute"
# How many files of each kind are kept. The files that were unused for longest are removed. A base takes ten seconds to make and
# 5 MB to keep. Machine code (`compiled`) takes 30 MB, and a second.
MAX_FILES = {"compiled": 12, "built": 500, "bases": 32, "keys": 1}
_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Returns the cache's folder, which all projects of the user share. Raises OSError if the environment names no place for it.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/, which says to ignore a relative XDG_CACHE_HOME.
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
    """Reads and writes the cache for one project. `reason` says why the cache is not used, or is "" if it is.

    `max_files` says which kinds of files are kept, and how many of each.
    """

    def __init__(self, project: Path, max_files: Mapping[str, int] = MAX_FILES) -> None:
        self._project = project
        self._max_files = max_files
        self.reason = ""
        try:
            self.folder = self.trusted_folder()
            self._files = Folder(self.folder.parent, private=True)
            for kind in max_files:
                self._files.make_folder(f"{NAME}/{kind}")
            if not os.access(self.folder, os.W_OK):
                self.reason = f"{self.folder} is not writable"
        except (OSError, Invalid) as error:
            self.reason = error_text(error)

    def trusted_folder(self) -> Path:
        """Returns the cache's folder. Raises OSError or Invalid if the project or another user could write to it."""
        folder = cache_folder()
        project = self._project.resolve()
        if folder.resolve().is_relative_to(project) or Path(os.path.normpath(folder)).is_relative_to(project):
            raise OSError(f"{folder} lies in the project's folder; set XDG_CACHE_HOME to another place")
        Folder(folder.parent, private=True).make_folder(NAME)
        return folder

    def get(self, kind: str, name: str) -> bytes | None:
        """Returns the content stored under a name, or None if it is missing, damaged or not trusted."""
        if self.reason:
            return None
        with suppress(OSError, Invalid):
            stored = self._files.read(f"{NAME}/{kind}/{name}", MAX_COMPONENT)
            digest, content = stored[:_DIGEST], stored[_DIGEST:]
            return content if hashlib.sha256(content).digest() == digest else None
        return None

    def put(self, kind: str, name: str, content: bytes) -> None:
        """Stores content under a name, and removes the files that were unused for longest. Does nothing if that fails."""
        if self.reason:
            return
        with suppress(OSError, Invalid):
            self._files.write(f"{NAME}/{kind}/{name}", hashlib.sha256(content).digest() + content)
            for old in self._files.names_newest_first(f"{NAME}/{kind}")[self._max_files[kind] :]:
                self._files.remove(f"{NAME}/{kind}/{old}")


def local_token_key(cache: Cache) -> str:
    """Returns the key that signs this user's tokens for local edges. It is made when it is first needed.

    If the cache is not used, no other process has the key.
    """
    made = secrets.token_hex(32)
    for _ in range(2):
        if stored := cache.get("keys", "local-tokens"):
            return stored.decode()
        cache.put("keys", "local-tokens", made.encode())
    return made


def error_text(error: OSError | Invalid) -> str:
    """Returns an error's text as a clause for the middle of a sentence."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error)
