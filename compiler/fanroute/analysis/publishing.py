"""Finds the subscriptions that what clients send may be published to."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fanroute.analysis.automata import MAX_STATES, next_state, representatives
from fanroute.analysis.channels import ResolvedTemplate, resolve, valid_texts
from fanroute.plan.filters import CONTENT_FILTERS
from fanroute.plan.kinds import Kind, kind_of
from fanroute.plan.routes import declared_routes, publishing_of
from fanroute_runtime.matching.pattern import DEAD, Automaton
from fanroute_runtime.plan import Channel, Hold, Plan, Route, WebSocket
from fanroute_runtime.plan.publishing import Publish


@dataclass(frozen=True, slots=True)
class Subscription:
    """Represents a route that may subscribe its connections to a channel on which another route publishes.

    Args:
        index: the route's index in routes.yaml.
        route: the route.
        kind: the kind of its connections.
        channel: the channel to which it subscribes them.
    """

    index: int
    route: Route
    kind: Kind
    channel: Channel

    @property
    def replaces_percent(self) -> bool:
        """Returns True if a filter of the subscription replaces a `%` in messages."""
        return any(name in CONTENT_FILTERS for name in self.channel.filters)


def subscriptions_to(plan: Plan, route: Route, publishing: Publish) -> Iterator[Subscription]:
    """Yields the subscriptions that may get what a route publishes, in the order of their routes."""
    published = resolve(publishing.channel, route, plan.refused_paths)
    for index, other in enumerate(declared_routes(plan)):
        if isinstance(other.action, Hold | WebSocket):
            for channel in other.action.channels:
                if may_be_equal(published, resolve(channel.name, other, plan.refused_paths)):
                    yield Subscription(index, other, kind_of(other.action), channel)


def with_subscribers(plan: Plan) -> Plan:
    """Returns a Plan in which each route publishes for the kinds of connections that may be subscribed to its channel."""
    return replace(plan, routes=tuple(_with_subscribers(plan, route) for route in plan.routes))


def _with_subscribers(plan: Plan, route: Route) -> Route:
    publishing = publishing_of(route.action)
    if publishing is None:
        return route
    found = list(subscriptions_to(plan, route, publishing))
    kinds = publishing.subscribers or tuple(sorted({one.kind for one in found}))
    publishing = replace(publishing, subscribers=kinds, escapes=any(one.replaces_percent for one in found))
    action = replace(route.action, publish=publishing) if isinstance(route.action, WebSocket) else publishing
    return replace(route, action=action)


def may_be_equal(one: ResolvedTemplate, other: ResolvedTemplate) -> bool:
    """Returns True if two templates may give the same channel. A value that occurs twice may differ."""
    pieces = [valid_texts(part) for part in one], [valid_texts(part) for part in other]
    characters = representatives([*pieces[0], *pieces[1]])
    start = (0, pieces[0][0].start, 0, pieces[1][0].start)
    seen, waiting = {start}, deque([start])
    while waiting:
        place = waiting.popleft()
        if _is_end(pieces[0], *place[:2]) and _is_end(pieces[1], *place[2:]):
            return True
        if len(seen) > MAX_STATES:
            return True
        for following in _following(pieces, place, [character for character, _ in characters]):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False


_Place = tuple[int, int, int, int]


def _is_end(pieces: Sequence[Automaton], index: int, state: int) -> bool:
    return index == len(pieces) - 1 and state in pieces[index].accepting


def _following(pieces: tuple[list[Automaton], list[Automaton]], place: _Place, characters: Sequence[str]) -> Iterator[_Place]:
    """Yields the places after one: in the next piece of a template, or after a character that both templates have."""
    (one, other), (i, s, j, t) = pieces, place
    if i + 1 < len(one) and s in one[i].accepting:
        yield i + 1, one[i + 1].start, j, t
    if j + 1 < len(other) and t in other[j].accepting:
        yield i, s, j + 1, other[j + 1].start
    for character in characters:
        after = next_state(one[i], s, character), next_state(other[j], t, character)
        if DEAD not in after:
            yield i, after[0], j, after[1]
