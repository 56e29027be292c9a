"""Serves what is saved on Viceroy."""

from fanroute.cli.output import conceal
from fanroute.cli.saving import Followed, Saved, Saving
from fanroute.devserver.config import local_backends
from fanroute.devserver.viceroy import RunningViceroy, ViceroyService


class RestartedSaving(Saving):
    """Serves each save by another Viceroy, as soon as the component is built and that has compiled it."""

    def __init__(self, followed: Followed, edge: RunningViceroy) -> None:
        super().__init__(followed, edge.first.stores)
        assert edge.replace is not None
        self._replace = edge.replace

    def _target_of(self, saved: Saved) -> object:
        return saved.target, saved.hosts, saved.stores

    async def _serve(self, saved: Saved, started: float) -> None:
        """Only says what follows: nothing but the component can serve it."""
        conceal(saved.compiled.source.unexpanded)
        self._tell("building", started)

    async def _take_over(self, saved: Saved, started: float) -> None:
        if saved.is_served_as(self._served):
            return
        await self._replace(
            ViceroyService(self._workspace.wasm, *local_backends(saved.compiled.backends), saved.stores, saved.compiled.plan)
        )
        self._note_served(saved)
        self._show()
        self._tell("component", started)

    def _show(self) -> None:
        if not self._console:
            return
        if self._saved.is_served_as(self._served):
            self._console.show(self._saved.compiled, self._saved.hosts)
        else:
            self._console.show(self._served.compiled, self._served.hosts, building=self._target is not None)

    def _tell_failure(self, error: Exception, started: float) -> None:
        self._tell("not served", started, [error])
        self._show()
