"""Serves what is saved on the embedded edge."""

import asyncio
from collections.abc import Callable

from fanroute.cli.output import conceal
from fanroute.cli.saving import Followed, Saved, Saving
from fanroute.devserver.config import local_backends
from fanroute.devserver.embedded import RunningEdge, Service
from fanroute.devserver.judging import Judge
from fanroute.devserver.load import load_component
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.host.interpreted import InterpretedComponent
from fanroute_runtime.plan import Plan

Handle = Callable[[Exchange], bool]


class InterpretedSaving(Saving):
    """Serves each save on the embedded edge: at once by the interpreted Plan, and by its component as soon as that is built."""

    def __init__(self, followed: Followed, edge: RunningEdge) -> None:
        super().__init__(followed, edge.first.stores)
        self._edge = edge
        self._handle: Handle = edge.first.handle
        # For the Plan that is served.
        self._judge = edge.first.judge
        # The last component that was built, and its Plan.
        self._component: tuple[Plan, Handle] = followed.compiled.plan, edge.first.handle

    def _target_of(self, saved: Saved) -> object:
        return saved.target

    async def _serve(self, saved: Saved, started: float) -> None:
        handle = await self._handle_of(saved.compiled.plan)
        # Also if only the stores have changed, because a judge keeps the keys that it has read.
        self._judge = await asyncio.to_thread(Judge, saved.compiled.plan)
        conceal(saved.compiled.source.unexpanded)
        self._replace(saved, handle)
        self._tell("component" if handle == self._component[1] else "interpreted", started)

    async def _handle_of(self, plan: Plan) -> Handle:
        """Returns what serves a Plan: its component if that is built, otherwise an interpreter."""
        if plan == self._component[0]:
            return self._component[1]
        if plan == self._served.compiled.plan:
            return self._handle
        return (await asyncio.to_thread(InterpretedComponent, plan)).handle

    def _replace(self, saved: Saved, handle: Handle) -> None:
        self._note_served(saved)
        self._handle = handle
        self._edge.replace(Service(handle, *local_backends(saved.compiled.backends), saved.stores, self._judge))

    def _show(self) -> None:
        if self._console:
            self._console.show(self._saved.compiled, self._saved.hosts, self._handle != self._component[1])

    async def _take_over(self, saved: Saved, started: float) -> None:
        if saved.compiled.plan == self._component[0]:
            return
        handle = await asyncio.to_thread(self._load)
        self._component = saved.compiled.plan, handle
        self._replace(self._served, handle)
        self._show()
        self._tell("component", started)

    def _load(self) -> Handle:
        return EmbeddedComponent(*load_component(self._workspace.wasm, self._workspace.cache)).handle

    def _tell_failure(self, error: Exception, started: float) -> None:
        self._tell("build failed", started, [error])
