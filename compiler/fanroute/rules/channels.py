"""Warns of channels that a route's clients choose."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fanroute.analysis.channels import (
    Reference,
    ResolvedTemplate,
    Values,
    decided_by_token,
    find_collision,
    find_invalid_value,
    find_separator,
    is_never_valid,
    references_in,
    resolve,
)
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import LOOPBACK
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.plan.routes import declared_routes, references
from fanroute.spec import raw
from fanroute.syntax.source import Path, Source
from fanroute_runtime.grip import SEPARATORS
from fanroute_runtime.plan import Bound, Hold, PathFault, Plan, Route, WebSocket

FR401 = Rule(
    "FR401",
    "warning",
    "a value that a client chooses in a channel is restricted",
    "A client that reaches the route can subscribe to any channel of this form, even another tenant's: the edge checks "
    "no permission. A pattern or a list of values says which channels these are.",
    LOOPBACK + '  - match: {path: "/rooms/{room}"}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict it by a pattern or a list of values. If it depends on the client who may hear what, use a token (`auth`, "
    "with `channels`), or hand the request off: your backend checks the permission, and names the channel in its answer.",
)

FR402 = Rule(
    "FR402",
    "warning",
    "no two requests get one channel",
    "If the boundary between two values of a channel is unclear, so is whose channel it is. With `{tenant}-{user}` and "
    "hyphens in the values, one tenant's user can hear the messages of another tenant.",
    LOOPBACK
    + '  - match:\n      path: "/{tenant}/{user}"\n      where: {tenant: "[a-z-]+", user: "[a-z-]+"}\n    public: true\n'
    + '    sse: {channel: "{tenant}-{user}"}\n',
    "Put a character between the values that neither can have, or restrict the values so that they cannot have the one "
    "that is there.",
)

FR403 = Rule(
    "FR403",
    "note",
    "every value that a match takes gives a channel, location or link",
    'A channel is printable ASCII without `,` `;` `"`, without spaces around it, and without anything that was '
    "percent-encoded twice. In the path of a location or link, a value must not make its segment empty, `.` or `..`, "
    "also between slashes inside the value: that would be another path, and `//evil.example` another host. A request "
    "with such a value gets a 400. It does not go on to the next route, because it fits the match.",
    LOOPBACK + '  - match: {path: "/rooms/{room}", where: {room: ".+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Restrict the pattern to the values that are meant, as in `[a-z0-9-]{1,64}`. Leave it if such requests should get a 400.",
)

FR404 = Rule(
    "FR404",
    "warning",
    "some value that a match takes gives a channel, location or link",
    'A channel is printable ASCII without `,` `;` `"` and without spaces around it. In the path of a location or link, a '
    "value must not make its segment empty, `.` or `..`. No value that fits this condition is valid there, so every "
    "request of the route gets a 400.",
    LOOPBACK
    + '  - match: {path: "/rooms/{room}", where: {room: "[à-ÿ]+"}}\n    public: true\n    sse: {channel: "room-{room}"}\n',
    "Use another value, or a pattern or list of values that are valid there.",
)


# A route of routes.yaml with its index there, and the channels that its requests choose, each with its place.
Chosen = tuple[int, Route, list[tuple[Path, ResolvedTemplate]]]

# Patterns to begin with: what names are mostly made of.
_PATTERNS = ("[a-z0-9-]{1,64}", "[a-z0-9]{1,64}")
# What separates the parts of a name, for people.
_SEPARATORS = "-:/.|~"
_MEND = f"allow only what a channel has: printable ASCII without {' '.join(SEPARATORS)}, not empty, without spaces around it"


def channels_are_chosen_knowingly(source: Source, chosen: Sequence[Chosen]) -> Iterator[Diagnostic]:
    """FR401 and FR402: of a template one of them."""
    for _, route, templates in chosen:
        if route.auth and route.auth.channels:
            continue  # the token says which
        told = decided_by_token(route)  # of these the token says which
        for place, template in templates:
            free = {r.bound: r for r in references_in(template) if r.is_free and r.bound not in told}
            two = find_collision(template)
            if free:
                told.update(free)
                message = f"a client chooses {_listed(free)} of this channel freely"
                notes = (Note(_one_channel(template, *two)),) if two else ()
                yield Diagnostic(FR401, message, source.value_span(place), _narrower(template, list(free)), notes)
            elif two:
                yield Diagnostic(FR402, _one_channel(template, *two), source.value_span(place), _separated(template))


def values_give_channels(source: Source, chosen: Sequence[Chosen]) -> Iterator[Diagnostic]:
    """FR403 and FR404: of a reference one of them, where the match says what its value is."""
    for index, _, templates in chosen:
        told: set[Bound] = set()
        for _, template in templates:
            for reference in references_in(template):
                of_match = not reference.is_free and reference.bound.source != "claim"
                value = find_invalid_value(reference) if of_match and reference.bound not in told else None
                if value is None:
                    continue
                told.add(reference.bound)
                span = source.value_span(place_of_condition(source, index, reference.bound))
                name = reference_text(reference.bound)
                if is_never_valid(reference):
                    yield Diagnostic(FR404, f"no value of '{name}' gives a channel: every request gets a 400", span, _MEND)
                else:
                    message = f"'{name}' may be {value!r}, which gives no channel: such a request gets a 400"
                    yield Diagnostic(FR403, message, span, _MEND)


def chosen_channels(source: Source, plan: Plan) -> list[Chosen]:
    """The routes that this service answers itself on channels that depend on the request."""
    return [
        (index, route, templates)
        for index, route in enumerate(declared_routes(plan))
        if isinstance(route.action, Hold | WebSocket)
        and (templates := [*_templates(source, index, route, route.action, plan.refused_paths)])
    ]


def _templates(
    source: Source, index: int, route: Route, action: Hold | WebSocket, refused_paths: tuple[PathFault, ...]
) -> Iterator[tuple[Path, ResolvedTemplate]]:
    """The channels of a route that depend on the request, each with its place."""
    if not any(references(channel.name) for channel in action.channels):
        return
    (at,) = raw.action_mappings(index, source.data["routes"][index])
    for (place, _), channel in zip(raw.channels(*at), action.channels, strict=True):
        if references(channel.name):
            name: Path = (*place, "name")
            yield name if source.has(name) else place, resolve(channel.name, route, refused_paths)


def place_of_condition(source: Source, index: int, bound: Bound) -> Path:
    """Returns the place of the condition in a match that a value fits."""
    match: Path = ("routes", index, "match")
    if bound.source != "header":
        return (*match, "where" if bound.source == "path" else "query", bound.name)
    headers = source.data["routes"][index]["match"]["header"]
    return (*match, "header", next(name for name in headers if name.lower() == bound.name))


def _listed(some: Iterable[Bound]) -> str:
    *others, last = (f"'{reference_text(bound)}'" for bound in some)
    return " and ".join(filter(None, [", ".join(others), last]))


def _one_channel(template: ResolvedTemplate, one: Values, other: Values) -> str:
    """Returns a sentence which says that the values of two requests give the same channel."""
    channel = "".join(part if isinstance(part, str) else one[part.bound] for part in template)
    return f"two requests get one channel, {channel!r}: {values_listed(one)} and {values_listed(other)}"


def values_listed(values: Values) -> str:
    """The values of a request, as they are told."""
    return " ".join(f"{reference_text(bound)}={value!r}" for bound, value in values.items())


def _narrower(template: ResolvedTemplate, free: Iterable[Bound]) -> str:
    """Suggests patterns for unrestricted values, if possible such that no two requests get the same channel."""
    pattern = next((pattern for pattern in _PATTERNS if find_collision(_with(template, pattern)) is None), _PATTERNS[0])
    keys: dict[str, list[str]] = {}
    for bound in free:
        key, condition = ("where", f'"{pattern}"') if bound.source == "path" else (bound.source, f'{{pattern: "{pattern}"}}')
        keys.setdefault(key, []).append(f"{bound.name}: {condition}")
    return "narrow it, as with " + ", ".join(f"{key}: {{{', '.join(names)}}}" for key, names in keys.items())


def _with(template: ResolvedTemplate, pattern: str) -> ResolvedTemplate:
    """A template whose free references fit a pattern."""
    return tuple(replace(part, pattern=pattern) if isinstance(part, Reference) and part.is_free else part for part in template)


def _separated(template: ResolvedTemplate) -> str:
    separator = find_separator(template, _SEPARATORS)
    if separator is None:
        return "narrow them, so that a character is left to separate them"
    return f"separate them by a character that none of them has, as '{separator}'"
