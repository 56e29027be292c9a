"""A comparison of two files, in words and as data for programs."""

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
    """A header. Its bytes beyond ASCII stand for themselves, as Latin-1."""

    name: str
    value: str


class Request(_Model):
    """A client's request, and the same as the arguments of `fanroute match`."""

    method: str
    url: str
    headers: list[Header]
    arguments: str


class Got(_Model):
    """What a request gets: the name of its route, null where it has none, and what that does."""

    route: str | None
    answer: str


class Change(_Model):
    """Requests that got `old` get `new`: one of them, null where it would take too much to find out whether there is one.

    `differs` has the parts of what they get that are others, where it is of one kind.
    """

    request: Request | None
    old: Got
    new: Got
    differs: list[str]


class Difference(_Model):
    """What `fanroute diff --format json` prints."""

    changes: list[Change]


# A file's routes and backends.
Compared = tuple[Plan, tuple[Backend, ...]]


def difference(old: Compared, new: Compared, shown: Callable[[str], str] = str) -> Difference:
    """Returns what one file does otherwise than another. `shown` is how a request for a shell is shown."""
    before, after = Side(*old), Side(*new)
    return Difference(
        changes=[
            Change(
                request=_request(change.request, shown) if change.request else None,
                old=_got(before, change.old, old[1]),
                new=_got(after, change.new, new[1]),
                differs=_differing(before.answers[change.old], after.answers[change.new]),
            )
            for change in find_changes(before, after)
        ]
    )


def lines(difference: Difference) -> Iterator[str]:
    """The same in words."""
    for change in difference.changes:
        yield (
            change.request.arguments if change.request else "Requests, if there are such, which would take too much to find out:"
        )
        yield f"  - {_words(change.old)}"
        yield f"  + {_words(change.new)}" + (f" (differs in {', '.join(change.differs)})" if change.differs else "")


def _request(point: Point, shown: Callable[[str], str]) -> Request:
    request = request_of(point)
    headers = [Header(name=name, value=value.decode("latin-1")) for name, value in request.headers]
    return Request(method=request.verb, url=request.url, headers=headers, arguments=shown(match_arguments(request)))


def _got(side: Side, number: int, backends: tuple[Backend, ...]) -> Got:
    route = side.routes[number]
    if route is None:
        return Got(route=None, answer="400, because of its path" if number == side.refused else "404")
    urls = {backend.name: backend.url for backend in backends if not backend.loopback}
    action, channels, backend = describe.action_cells(route)
    channels = f" on {channels}" if channels else ""
    return Got(route=route.name, answer=action + channels + (f" to {urls[backend]}" if backend in urls else ""))


def _words(got: Got) -> str:
    return f"no route: {got.answer}" if got.route is None else f"{got.route}: {got.answer}"


def _differing(one: Answer, other: Answer) -> list[str]:
    if one["kind"] != other["kind"]:
        return []
    return [name.replace("_", " ") for name in one if one[name] != other[name]]
