"""Compares two files and reports the difference, as text and as JSON."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from fanroute.analysis.answer import Answer
from fanroute.analysis.box import Point
from fanroute.analysis.difference import Side, find_changes
from fanroute.analysis.witness import match_arguments, request_of
from fanroute.pipeline import Compiled
from fanroute.plan import describe
from fanroute.plan.backend import PUBLISH_BACKEND, Backend
from fanroute.plan.routes import publishing_of
from fanroute.spec.document import PRODUCTION
from fanroute.spec.environments import renamed_hosts
from fanroute_runtime.plan import Key, Plan, StoreEntry


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(_Model):
    """A header. Bytes beyond ASCII are decoded as Latin-1."""

    name: str
    value: str


class Request(_Model):
    """A client's request. `arguments` is the same request as arguments of `fanroute match`.

    `client_ip` is null if the edge does not know the client's address.
    """

    method: str
    url: str
    headers: list[Header]
    client_ip: str | None
    arguments: str


class RouteAnswer(_Model):
    """The route that a request gets, null if it gets none, and what that answers."""

    route: str | None
    answer: str


class Change(_Model):
    """A difference: requests that got the answer `old` now get `new`.

    `request` is one of them. It is null if it would take too long to find out if there is one. `differs` names the parts in which
    two answers of the same kind differ. `environment` is the environment in which they do, null if it is production.
    """

    environment: str | None = None
    request: Request | None
    old: RouteAnswer
    new: RouteAnswer
    differs: list[str]


class Setting(_Model):
    """A setting that two environments have with different values, as text. null is for none."""

    name: str
    old: str | None
    new: str | None


class Difference(_Model):
    """The output of `fanroute diff --format json`.

    `settings` are those of two environments that are compared with each other. `new_environments` and `removed_environments` are
    in only one of two files.
    """

    changes: list[Change]
    settings: list[Setting] = []
    new_environments: list[str] = []
    removed_environments: list[str] = []


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


def compare_environments(
    old: Mapping[str, Compared], new: Mapping[str, Compared], shown: Callable[[str], str] = str
) -> Difference:
    """Returns the requests that two files answer differently, in each environment that both have, by its name.

    What changes in production too is told once, for production.
    """
    changes: list[Change] = []
    known: set[str] = set()
    for name in [name for name in old if name in new]:
        for change in compare(old[name], new[name], shown).changes:
            # The request can have other hosts in this environment.
            same = change.model_copy(update={"request": None}).model_dump_json()
            if same not in known:
                changes.append(change if name == PRODUCTION else change.model_copy(update={"environment": name}))
            if name == PRODUCTION:
                known.add(same)
    return Difference(
        changes=changes,
        new_environments=[name for name in new if name not in old],
        removed_environments=[name for name in old if name not in new],
    )


def differing_settings(old: Compiled, new: Compiled) -> list[Setting]:
    """Returns the settings of two environments that differ, besides answers. Of keys, only where they are is told."""
    before, after = _settings(old), _settings(new)
    names = dict.fromkeys([*before, *after])
    for name in names:
        if name.startswith("host "):  # a host that is not renamed keeps its name
            before.setdefault(name, name.removeprefix("host ")), after.setdefault(name, name.removeprefix("host "))
    return [
        Setting(name=name, old=before.get(name), new=after.get(name)) for name in names if before.get(name) != after.get(name)
    ]


def _settings(compiled: Compiled) -> dict[str, str]:
    """Returns settings by name that no answer shows."""
    plan = compiled.plan
    found = {"service": plan.service}
    if compiled.loopback_host:
        found["domain of the loopback backend"] = compiled.loopback_host
    own = [backend for backend in compiled.backends if backend != PUBLISH_BACKEND]
    found |= {f"local server of '{backend.name}'": backend.local for backend in own if backend.local}
    if token := next((publish.token for route in plan.routes if (publish := publishing_of(route.action))), None):
        found["token to publish with"] = f"{token.name} in the {token.kind} store {token.store}"
    if plan.debug:
        found["secret of debug"] = f"{plan.debug.name} in the {plan.debug.kind} store {plan.debug.store}"
    if plan.grip_sig.keys:
        found["keys of GRIP proxies"] = ", ".join(map(_key_text, plan.grip_sig.keys))
    renamed = renamed_hosts(compiled.whole, compiled.environment) if compiled.whole else {}
    return found | {f"host {host}": name for host, name in renamed.items()}


def _key_text(key: Key) -> str:
    """Describes a key. Of a public key from a file, it has the first digits of a digest, which tell two keys apart."""
    material = key.material
    if isinstance(material, StoreEntry):
        return f"{key.algorithm} of {key.issuer}, {material.name} in the {material.kind} store {material.store}"
    return f"{key.algorithm} of {key.issuer}, with the SHA-256 {sha256(material).hexdigest()[:16]}"


def text_lines(difference: Difference) -> Iterator[str]:
    """Yields a difference as lines of text."""
    for what, names in (("new", difference.new_environments), ("removed", difference.removed_environments)):
        yield from (f"The environment '{name}' is {what}." for name in names)
    for setting in difference.settings:
        yield setting.name
        yield f"  - {setting.old or 'none'}"
        yield f"  + {setting.new or 'none'}"
    heading = None
    for change in difference.changes:
        if change.environment != heading:
            yield f"Only in '{change.environment}':"
            heading = change.environment
        yield change.request.arguments if change.request else "Perhaps some requests, but it would take too long to find one:"
        yield f"  - {_answer_text(change.old)}"
        yield f"  + {_answer_text(change.new)}" + (f" (differs in {', '.join(change.differs)})" if change.differs else "")


def _request(point: Point, shown: Callable[[str], str]) -> Request:
    request = request_of(point)
    headers = [Header(name=name, value=value.decode("latin-1")) for name, value in request.headers]
    arguments = shown(match_arguments(request))
    return Request(method=request.verb, url=request.url, headers=headers, client_ip=request.address, arguments=arguments)


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
