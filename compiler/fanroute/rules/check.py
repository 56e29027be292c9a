"""Defines the two kinds of checks. A decorator registers each check function, and `run.py` calls them.

A rule (`FRnnn`) is the identity and text of a diagnostic; a check is a function that finds places where it applies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from fanroute.analysis.channels import ResolvedTemplate, resolve
from fanroute.analysis.search import Boxes
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.plan.routes import declared_routes, publishing_of, references
from fanroute.spec import raw
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import Hold, Plan, Route, WebSocket
from fanroute_runtime.plan.publishing import Publish

SourceCheck = Callable[[Source], Iterator[Diagnostic]]
# Every check of a file's data, with the keys that it is about.
SOURCE_CHECKS: dict[SourceCheck, tuple[str, ...]] = {}


def source_check(*keys: str) -> Callable[[SourceCheck], SourceCheck]:
    """Registers a check of a file's data, valid or not.

    If none of the keys is in the file, the check is skipped. Without keys it always runs.
    """

    def register(check: SourceCheck) -> SourceCheck:
        SOURCE_CHECKS[check] = keys
        return check

    return register


# A route with its index in the file, and its channels that depend on the request, each with its place.
DynamicChannels = tuple[int, Route, list[tuple[Path, ResolvedTemplate]]]


@dataclass(frozen=True)
class ValidFile:
    """Represents a routes.yaml without errors: its data and its Plan. `loopback_host` is the host of its loopback backend."""

    source: Source
    plan: Plan
    loopback_host: str = ""

    @cached_property
    def boxes(self) -> Boxes:
        """The routes' matches as boxes of requests."""
        return Boxes.of(self.plan)

    @cached_property
    def dynamic_channels(self) -> list[DynamicChannels]:
        """The routes that subscribe their clients, or publish for them, on channels that depend on the request."""
        return [
            (index, route, templates)
            for index, route in enumerate(declared_routes(self.plan))
            if (templates := [*self._templates(index, route), *self._published(index, route)])
        ]

    def _published(self, index: int, route: Route) -> Iterator[tuple[Path, ResolvedTemplate]]:
        publish = publishing_of(route.action)
        if publish and references(publish.channel):
            yield (*published_path(route, index), "channel"), resolve(publish.channel, route, self.plan.refused_paths)

    def _templates(self, index: int, route: Route) -> Iterator[tuple[Path, ResolvedTemplate]]:
        action = route.action
        if not isinstance(action, Hold | WebSocket) or not any(references(channel.name) for channel in action.channels):
            return
        (mapping,) = raw.action_mappings(index, self.source.data["routes"][index])
        for (path, _), channel in zip(raw.channels(*mapping), action.channels, strict=True):
            if references(channel.name):
                name: Path = (*path, "name")
                yield name if self.source.has(name) else path, resolve(channel.name, route, self.plan.refused_paths)


def publishing_routes(plan: Plan) -> Iterator[tuple[int, Route, Publish]]:
    """Yields the routes that publish, with their index in routes.yaml."""
    for index, route in enumerate(declared_routes(plan)):
        if publish := publishing_of(route.action):
            yield index, route, publish


def published_path(route: Route, index: int) -> Path:
    """Returns the path of a route's `publish`. `index` is the route's in the file."""
    return ("routes", index, "websocket", "publish") if isinstance(route.action, WebSocket) else ("routes", index, "publish")


PlanCheck = Callable[[ValidFile], Iterator[Diagnostic]]
# Every check of a valid file.
PLAN_CHECKS: list[PlanCheck] = []


def plan_check(check: PlanCheck) -> PlanCheck:
    """Registers a check that finds warnings and notes in a valid file."""
    PLAN_CHECKS.append(check)
    return check
