"""Compares two files and reports the difference, as text and as JSON."""

from collections.abc import Callable, Iterator

from pydantic import BaseModel, ConfigDict

from fanroute.analysis.answer import Answer
from fanroute.analysis.box import Point
from fanroute.analysis.difference import Side, find_changes
from fanroute.analysis.witness import match_arguments, request_of
from fanroute.plan import describe
from fanroute.plan.backend import Backend
from fanroute_runtime.plan import Plan


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(_Model):
    """A header. Bytes beyond ASCII are decoded as Latin-1."""

    name: str
    value: str


class Request(_Model):
    """A client's request. `arguments` is the same request as arguments of `fanroute match`."""

    method: str
    url: str
    headers: list[Header]
    arguments: str


class RouteAnswer(_Model):
    """The route that a request gets, null if it gets none, and what that answers."""

    route: str | None
    answer: str


class Change(_Model):
    """A difference: requests that got the answer `old` now get `new`.

    `request` is one of them. It is null if it would take too long to find out if there is one. `differs` names the parts in which
    two answers of the same kind differ.
    """

    request: Request | None
    old: RouteAnswer
    new: RouteAnswer
    differs: list[str]


class Difference(_Model):
    """The output of `fanroute diff --format json`."""

    changes: list[Change]


# A file's routes and backends.
Compared = tuple[Plan, tuple[Backend, ...]]


def compare(old: Compared, new: Compared, shown: Callable[[str], str] = str) -> Difference:
    """Returns the requests that two files answer differently. `shown` is applied to the arguments of a request."""
    before, after = Side(*old), Side(*new)
    return Difference(
        changes=[
            Change(
                request=_request(change.request, shown) if change.request else None,
                old=_route_answer(before, change.old, old[1]),
                new=_route_answer(after, change.new, new[1]),
                differs=_differing_parts(before.answers[change.old], after.answers[change.new]),
            )
            for change in find_changes(before, after)
        ]
    )


def text_lines(difference: Difference) -> Iterator[str]:
    """Yields a difference as lines of text."""
    for change in difference.changes:
        yield change.request.arguments if change.request else "Perhaps some requests, but it would take too long to find one:"
        yield f"  - {_answer_text(change.old)}"
        yield f"  + {_answer_text(change.new)}" + (f" (differs in {', '.join(change.differs)})" if change.differs else "")


def _request(point: Point, shown: Callable[[str], str]) -> Request:
    request = request_of(point)
    headers = [Header(name=name, value=value.decode("latin-1")) for name, value in request.headers]
    return Request(method=request.verb, url=request.url, headers=headers, arguments=shown(match_arguments(request)))


def _route_answer(side: Side, number: int, backends: tuple[Backend, ...]) -> RouteAnswer:
    route = side.routes[number]
    if route is None:
        return RouteAnswer(route=None, answer="400, because of its path" if number == side.refused else "404")
    urls = {backend.name: backend.url for backend in backends if not backend.loopback}
    action, channels, backend = describe.action_cells(route)
    channels = f" on {channels}" if channels else ""
    return RouteAnswer(route=route.name, answer=action + channels + (f" to {urls[backend]}" if backend in urls else ""))


def _answer_text(answer: RouteAnswer) -> str:
    return f"no route: {answer.answer}" if answer.route is None else f"{answer.route}: {answer.answer}"


def _differing_parts(one: Answer, other: Answer) -> list[str]:
    if one["kind"] != other["kind"]:
        return []
    return [name.replace("_", " ") for name in one if one[name] != other[name]]
