"""Follows what is saved in a folder, and builds it, for a local edge that serves it."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from fanroute.cli.edges import local_stores
from fanroute.cli.output import FAILURES, print_diagnostics, print_failure
from fanroute.cli.problems import problems_of
from fanroute.console.api import Console
from fanroute.devserver import events
from fanroute.devserver.config import Stores, host_entries
from fanroute.devserver.events import Emit, Notice, SaveOutcome
from fanroute.pipeline import Compiled, compile_plan, warnings_of
from fanroute.plan.backend import Backend
from fanroute.project import processes
from fanroute.project.folder import temporary_folder
from fanroute.project.used_files import UsedFiles
from fanroute.project.watching import CannotWatch, changes
from fanroute.project.workspace import Workspace
from fanroute_runtime.plan import Plan

# The Plan and the backends.
Target = tuple[Plan, tuple[Backend, ...]]
Found = TypeVar("Found")


class WrongSave(Exception):
    """Reports that a folder cannot be served as it is. `errors` are all of them, each one of FAILURES."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        super().__init__("; ".join(map(str, errors)))


@dataclass(frozen=True, slots=True)
class Saved:
    """Represents what a folder says that a local edge serves.

    Args:
        compiled: its routes.yaml.
        hosts: the entries of the local store that let local names stand for a host.
        stores: the local stores, that one included.
    """

    compiled: Compiled
    hosts: Mapping[str, str]
    stores: Stores

    @property
    def target(self) -> Target:
        """Returns what a build depends on: the component on the Plan, and fastly.toml also on the backends."""
        return self.compiled.plan, self.compiled.backends

    def is_served_as(self, other: "Saved") -> bool:
        """Returns True if no request shows which of the two is served."""
        return (self.target, self.hosts, self.stores) == (other.target, other.hosts, other.stores)


@dataclass(frozen=True, slots=True)
class Followed:
    """Says which folder is followed, and how.

    Args:
        workspace: the folder.
        as_host: what local names stand for, or None if that is the loopback backend's host.
        flatten: whether components are flattened.
        compiled: the routes that the edge serves first.
        report: takes an event about each save.
        announce_hosts: is called with the hosts of `Saved` when they change.
        console: shows what is saved and served, or None.
    """

    workspace: Workspace
    as_host: str | None
    flatten: bool
    compiled: Compiled
    report: Emit
    announce_hosts: Callable[[Mapping[str, str]], None]
    console: Console | None = None


class Saving:
    """Follows what is saved in a folder, as long as `run` runs. A subclass lets a local edge serve it.

    `stores` are the local stores that the edge has first.
    """

    def __init__(self, followed: Followed, stores: Stores) -> None:
        self._workspace = followed.workspace
        self._as_host = followed.as_host
        self._flatten = followed.flatten
        self._report = followed.report
        self._announce_hosts = followed.announce_hosts
        self._console = followed.console
        self._served = Saved(followed.compiled, self._hosts(followed.compiled), stores)
        # What was read last: lines and diagnostics can differ from those of what is served.
        self._saved = self._served
        # What was read last that differs from what was served then.
        self._newest = self._served
        self._is_wrong = False
        # The files with the routes, and those with the stores.
        self._sources, self._settings = UsedFiles(), UsedFiles()
        # The last of these tasks builds the target, unless that is built. The others have been cancelled.
        self._builds: set[asyncio.Task[None]] = set()
        self._target: object = self._target_of(self._served)
        # The files from which it was read last.
        self._target_sources = self._sources
        self._telling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serves each save. Returns only if the system cannot watch the files."""
        try:
            await self._follow()
            async with aclosing(changes(lambda: self._sources.paths | self._settings.paths)) as found:
                async for _ in found:
                    if await asyncio.to_thread(self._has_changed):
                        await self._follow()
        except CannotWatch as error:
            text = f"What you save is not served until you start again, because the files cannot be watched: {error}"
            self._report(Notice(time=time.time(), text=text))
        finally:
            self._cancel_build()
            if self._builds:
                await asyncio.wait(self._builds)

    def _target_of(self, saved: Saved) -> object:
        """Returns what has to be built again if it changes."""
        raise NotImplementedError

    async def _serve(self, saved: Saved, started: float) -> None:
        """Serves something else. `started` is when the save was noticed."""
        raise NotImplementedError

    async def _take_over(self, saved: Saved, started: float) -> None:
        """Serves what was saved by its component, which is built. Raises one of FAILURES."""
        raise NotImplementedError

    def _show(self) -> None:
        """Shows in the console what was saved, and what is served."""
        raise NotImplementedError

    def _tell_failure(self, error: Exception, started: float) -> None:
        """Tells that the component could not be built, or not be served."""
        raise NotImplementedError

    def _note_served(self, saved: Saved) -> None:
        """Notes what is served from now on, and announces its hosts if they are others."""
        if saved.hosts != self._served.hosts:
            self._announce_hosts(saved.hosts)
        self._served = saved

    def _has_changed(self) -> bool:
        return self._sources.have_changed() or self._settings.have_changed()

    async def _follow(self) -> None:
        """Serves what is in the folder now, unless it is wrong or served already."""
        started = time.monotonic()
        try:
            saved = await asyncio.to_thread(self._read)
        except WrongSave as wrong:
            self._cancel_build()
            self._tell("wrong", started, wrong.errors)
            self._is_wrong = True
            return
        if self._target_of(saved) != self._target:
            self._cancel_build()
        is_new = not saved.is_served_as(self._served)
        if is_new:
            self._newest = saved
            await self._serve(saved, started)
        elif self._is_wrong:
            self._tell("unchanged", started)
        is_shown = is_new or self._is_wrong or _texts(saved) != _texts(self._saved)
        self._is_wrong = False
        self._target_sources = self._sources
        if self._target is None:
            self._target = self._target_of(saved)
            task = asyncio.create_task(self._build(saved, started))
            self._builds.add(task)
            task.add_done_callback(self._builds.discard)
        if is_shown:
            self._saved = saved
            self._show()
            self._telling = asyncio.create_task(self._tell_more(saved))

    def _read(self) -> Saved:
        """Reads and compiles what is in the folder. Raises WrongSave with the errors of all files."""
        self._sources, self._settings = sources, settings = UsedFiles(), UsedFiles()
        errors: list[Exception] = []
        compiled = _attempt(lambda: self._compile(sources), errors)
        hosts = self._hosts(compiled) if compiled else self._served.hosts
        stores = _attempt(lambda: local_stores(self._workspace, hosts, settings), errors)
        if compiled is None or stores is None:
            raise WrongSave(errors)
        return Saved(compiled, hosts, stores)

    def _compile(self, sources: UsedFiles) -> Compiled:
        workspace = self._workspace

        def read(path: str, limit: int) -> bytes:
            return sources.read(workspace.routes.parent / path, lambda: workspace.read(path, limit))

        raw = sources.read(workspace.routes, workspace.read_routes)
        return compile_plan(raw, replace(workspace.inputs(), read=read))

    def _hosts(self, compiled: Compiled) -> Mapping[str, str]:
        return host_entries(compiled.plan.routes, self._as_host or compiled.loopback_host)

    def _tell(self, outcome: SaveOutcome, started: float, errors: Sequence[Exception] = ()) -> None:
        """Reports what has become of a save that was noticed at `started`. Its errors are also printed in full."""
        for error in errors:
            print_failure(error, self._workspace)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        problems = tuple(problem for error in errors for problem in problems_of(error, self._workspace))
        self._report(events.Saved(time=time.time(), outcome=outcome, milliseconds=milliseconds, problems=problems))

    async def _tell_more(self, saved: Saved) -> None:
        """Prints and shows the warnings. With many routes, it takes a while to find them."""
        found = await asyncio.to_thread(warnings_of, saved.compiled)
        if saved is self._newest:
            print_diagnostics([one for one in found if one.severity == "warning"], self._workspace)
        if saved is self._saved:
            self._saved = replace(saved, compiled=replace(saved.compiled, diagnostics=found))
            self._show()

    def _cancel_build(self) -> None:
        """Cancels the build that is under way, whose component is then not served any more."""
        self._target = None
        for task in self._builds:
            if not task.cancelling():  # a second time would disturb its end
                task.cancel()

    async def _build(self, saved: Saved, started: float) -> None:
        """Builds what is saved, and lets the component take over. First waits until the cancelled builds have ended."""
        others = {task for task in self._builds if task is not asyncio.current_task()}
        if others:
            await asyncio.wait(others)
        try:
            await _run_build(self._workspace, self._flatten)
            if await asyncio.to_thread(self._target_sources.have_changed):
                self._target = None  # it may be the component of a later save, which is about to be served
                return
            await self._take_over(saved, started)
        except FAILURES as error:
            self._target = None
            self._tell_failure(error, started)


def _texts(saved: Saved) -> tuple[str, dict[str, str]]:
    """Returns the text of routes.yaml, and those of the files that it includes."""
    return saved.compiled.source.text, saved.compiled.source.texts


def _attempt(act: Callable[[], Found], errors: list[Exception]) -> Found | None:
    """Returns what a function returns, or None if it raises one of FAILURES, which is then added to the errors."""
    try:
        return act()
    except FAILURES as error:
        errors.append(error)
        return None


async def _run_build(workspace: Workspace, flatten: bool) -> None:
    """Builds a folder in another process, which ends if the call is cancelled. Raises ProgramFailed."""
    command: list[str | Path] = [sys.executable, "-P", "-m", "fanroute", "build", workspace.routes]
    command += ["--env", workspace.environment]
    command.append("--flatten" if flatten else "--no-flatten")
    # For its files, which componentize-py leaves behind if it is ended. They are many, so another thread removes them.
    temporary = temporary_folder()
    try:
        await processes.run_cancellable(command, {"TMPDIR": temporary.name})
    finally:
        await asyncio.to_thread(temporary.cleanup)
