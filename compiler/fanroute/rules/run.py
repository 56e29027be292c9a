"""The rules of a whole routes.yaml, one function a code."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.rules import auth as auth_checks
from fanroute.rules import cors, delivery, headers, keys, patterns
from fanroute.rules import routes as action_checks
from fanroute.spec import raw
from fanroute.spec.actions import ACTIONS, BACKEND_ANSWERED, EDGE_ANSWERED
from fanroute.spec.document import Spec, default_name
from fanroute.spec.placeholders import suggest_binding
from fanroute.spec.template import references_in
from fanroute.spec.types import as_list
from fanroute.spec.validate import did_you_mean, validate
from fanroute.syntax.source import Path, Source
from fanroute.syntax.variables import is_allowed, variable_names

FR203 = Rule(
    "FR203",
    "error",
    "every backend that is named is defined",
    "A route that hands off to a backend that does not exist can only fail, and would do so at the edge.",
    START + "routes:\n  - handoff: orgin\n",
    "Name one of the file's backends, or define this one under `backends`.",
)

FR205 = Rule(
    "FR205",
    "error",
    "a route has exactly one action",
    "A request gets one answer. Of two actions one would be lost, and a route without any has nothing to do.",
    START + "routes:\n  - handoff: origin\n    respond: {status: 404}\n",
    "Split the route in two, each with its own match, or add the action that is missing.",
)

FR206 = Rule(
    "FR206",
    "error",
    "a backend has either a url or loopback: true",
    "A backend is either a server, found at its url, or this service itself. "
    "`local` belongs to the first kind only, and `host` to the second.",
    START + '  self: {loopback: true, local: "http://127.0.0.1:3000"}\nroutes:\n  - handoff: origin\n',
    "Keep the keys of one kind.",
)

FR207 = Rule(
    "FR207",
    "error",
    "routes that the edge answers itself have one loopback backend to come back through",
    "Fanout takes its instructions from a backend's answer. For `stream`, `sse`, `long_poll` and `websocket` that "
    "backend is this service itself, and with two of them it is not clear which one Fanout asks.",
    START + "routes:\n  - sse: {channel: news}\n",
    "Have exactly one backend with `loopback: true`.",
)

FR208 = Rule(
    "FR208",
    "error",
    "a route's name stands once",
    "A name says which route is meant, for instance in what the tools print; two routes cannot share it.",
    START + "routes:\n  - name: chat\n    match: {path: /chat}\n    handoff: origin\n  - name: chat\n    handoff: origin\n",
    "Give one of the routes another name, or none.",
)

FR209 = Rule(
    "FR209",
    "error",
    "a channel, location or condition on a claim uses only values that its route's match binds",
    "A value that the match does not bind is missing when the request comes. The channel or location would have a gap, "
    "and no claim could equal it. For a default `auth`, this is checked with the match of each route that uses it.",
    START + '  self: {loopback: true}\nroutes:\n  - match: {path: "/rooms/{room}"}\n    stream: {channel: "room-{rom}"}\n',
    "Use a name that is bound, or bind this one: a path parameter, or a query parameter or header of the match.",
)

FR210 = Rule(
    "FR210",
    "error",
    "every variable of the environment is set, or has a default",
    "In a backend or a matched host, `${NAME}` stands for what the build's environment has. Without a value the build would "
    "make a service for another host than is meant, so it makes none.",
    START.replace("app.example.com", "${ORIGIN_HOST}") + "routes:\n  - handoff: origin\n",
    "Set the variable where the build runs, or write `${NAME:-default}` with what holds otherwise.",
)

FR212 = Rule(
    "FR212",
    "error",
    "an answer has one content",
    "With both `body` and `file`, one of them would be lost.",
    START + "routes:\n  - respond: {status: 200, body: hello, file: hello.html}\n",
    "Keep one of them.",
)

FR213 = Rule(
    "FR213",
    "error",
    "the file uses only variables of the environment that it lists",
    "The values of variables become part of the component and of fastly.toml, and requests go to the hosts that they "
    "name. With `environment`, a change of the file cannot use further variables, such as a token for another program, "
    "without changing that list.",
    START.replace("backends", "environment: [APP_*]\nbackends").replace("app.example", "${HOST:-app.example}")
    + "routes:\n  - handoff: origin\n",
    "Use a variable that `environment` lists, or add the name there.",
)


Check = Callable[[Source], Iterator[Diagnostic]]


def check(source: Source, found: Sequence[Diagnostic] = ()) -> Spec:
    """The file's data as a Spec. Raises Invalid with all that is wrong with it, and what was `found` before."""
    return validate(Spec, source, lambda source: (*found, *_broken(source)))


def _broken(source: Source) -> Iterator[Diagnostic]:
    """Yields what the checks report."""
    for finds in _asked(source) if isinstance(source.data, dict) else ():
        yield from finds(source)


def _asked(source: Source) -> list[Check]:
    """The rules that are about something in the file."""
    return [rule for rule, about in RULES.items() if not about or not source.keys.isdisjoint(about)]


def backends_are_defined(source: Source) -> Iterator[Diagnostic]:
    """FR203"""
    backends = raw.backends(source)
    for index, route in raw.routes(source):
        for action in BACKEND_ANSWERED:
            asked = raw.backend_of(index, route, action)
            if asked and asked[1] not in backends:
                path, name = asked
                suggestion = did_you_mean(name, backends, "backends")
                yield Diagnostic(FR203, f"unknown backend '{name}'", source.value_span(path), suggestion)


def variables_have_values(source: Source) -> Iterator[Diagnostic]:
    """FR210 and FR213: of a variable one of them."""
    given = source.data.get("environment")
    allowed = [name for name in as_list(given) if isinstance(name, str)]
    for text, span, wrong in source.variables:
        refused = [name for name in variable_names(text) if given is not None and not is_allowed(name, allowed)]
        for name in refused:
            mend = f"use one of {', '.join(allowed)}, or add '{name}' there" if allowed else f"add '{name}' there"
            yield Diagnostic(FR213, f"the variable '{name}' is not one that 'environment' lists", span, mend)
        yield from (Diagnostic(FR210, message, span, mend) for name, message, mend in wrong if name not in refused)


def routes_have_one_action(source: Source) -> Iterator[Diagnostic]:
    """FR205"""
    for index, route in raw.routes(source):
        actions = raw.actions(route)
        if not actions:
            suggestion = f"add one of {', '.join(ACTIONS)}"
            yield Diagnostic(FR205, "a route without an action", source.key_span(("routes", index)), suggestion)
        for further in actions[1:]:
            span = source.key_span(("routes", index, further))
            note = Note("the first action", source.key_span(("routes", index, actions[0])))
            message = f"a second action, '{further}', beside '{actions[0]}'"
            yield Diagnostic(FR205, message, span, "make it a route of its own", (note,))


def backends_are_of_one_kind(source: Source) -> Iterator[Diagnostic]:
    """FR206"""
    for name, backend in raw.backends(source).items():
        if not isinstance(backend, dict):
            continue
        kinds = {"url", "loopback"} & set(backend)
        if len(kinds) != 1:
            message = f"the backend '{name}' has {'both url and' if kinds else 'neither url nor'} loopback"
            yield Diagnostic(FR206, message, source.key_span(("backends", name)), "give it one of them")
            continue
        for key, kind in (("local", "url"), ("strict_paths", "url"), ("host", "loopback")):
            if key in backend and kind not in kinds:
                span = source.key_span(("backends", name, key))
                yield Diagnostic(FR206, f"'{key}' is for a backend with {kind}", span, "leave it out")


def loopback_is_there(source: Source) -> Iterator[Diagnostic]:
    """FR207"""
    loopbacks = [name for name, backend in raw.backends(source).items() if isinstance(backend, dict) and "loopback" in backend]
    for name in loopbacks[1:]:
        span = source.key_span(("backends", name))
        note = Note("the first one", source.key_span(("backends", loopbacks[0])))
        yield Diagnostic(FR207, f"a second loopback backend, '{name}', beside '{loopbacks[0]}'", span, "keep one", (note,))
    for index, route in raw.routes(source) if not loopbacks else ():
        for action in raw.actions(route):
            if action in EDGE_ANSWERED:
                span = source.key_span(("routes", index, action))
                mend = "add 'self: {loopback: true}' to the backends"
                yield Diagnostic(FR207, f"'{action}' needs a loopback backend", span, mend)


def route_names_are_unique(source: Source) -> Iterator[Diagnostic]:
    """FR208"""
    first: dict[str, int] = {}
    for index, route in raw.routes(source):
        name = route.get("name", default_name(index))
        if isinstance(name, str) and first.setdefault(name, index) != index:
            note = Note("first here", source.value_span(("routes", first[name], "name")))
            span = source.value_span(("routes", index, "name"))
            yield Diagnostic(FR208, f"a second route named '{name}'", span, "give it another name", (note,))


def references_are_bound(source: Source) -> Iterator[Diagnostic]:
    """FR209"""
    for index, route in raw.routes(source):
        for path, bound in ((path, bound) for path, text in raw.templates(index, route) for bound in references_in(text)):
            reference, known = reference_text(bound), raw.bound_references(route.get("match"))
            if bound.source == "claim" and raw.auth_of(source, index, route) is None:
                message, mend = f"'{reference}' without a token", "add 'auth:', which says what token a client needs"
                yield Diagnostic(FR209, message, source.value_span(path), mend)
            elif bound.source != "claim" and reference not in known:
                mend = _bound_by(route, reference)
                yield Diagnostic(FR209, f"the match does not bind '{reference}'", source.value_span(path), mend)
        yield from _claims_are_compared_with_what_is_bound(source, index, route)


def _claims_are_compared_with_what_is_bound(source: Source, index: int, route: dict[str, Any]) -> Iterator[Diagnostic]:
    path, auth = raw.auth_of(source, index, route) or ((), None)
    for place, value in raw.claim_values(path, auth):
        known = raw.bound_references(route.get("match"))
        for reference in (reference_text(bound) for bound in references_in(value) if bound.source != "claim"):
            if reference in known:
                continue
            message, span = f"the match does not bind '{reference}'", source.value_span(place)
            if path[0] == "routes":
                yield Diagnostic(FR209, message, span, _bound_by(route, reference))
            else:
                note = Note("a claim is compared with it by default", span)
                mend = "bind it, or give the route an 'auth' of its own, or 'public: true'"
                yield Diagnostic(FR209, message, source.key_span(("routes", index)), mend, (note,))


def _bound_by(route: dict[str, Any], reference: str) -> str:
    """Suggests what to write so that a match binds a reference."""
    match, known = route.get("match"), raw.bound_references(route.get("match"))
    instead = suggest_binding(reference.strip("{}"), match.get("path")) if isinstance(match, dict) else ""
    return instead or (did_you_mean(reference, known, "bound here") if known else "the match binds nothing")


def answers_have_one_content(source: Source) -> Iterator[Diagnostic]:
    """FR212"""
    for index, route in raw.routes(source):
        respond = route.get("respond")
        if isinstance(respond, dict) and {"body", "file"} <= set(respond):
            path: Path = ("routes", index, "respond")
            note = Note("the other", source.key_span((*path, "body")))
            yield Diagnostic(FR212, "both 'file' and 'body'", source.key_span((*path, "file")), "keep one", (note,))


# Each rule with the keys that it is about: where none of them stands in the file, it has nothing to say. Without any, it may.
RULES: dict[Check, tuple[str, ...]] = {
    backends_are_defined: BACKEND_ANSWERED,
    variables_have_values: (),
    routes_have_one_action: (),
    backends_are_of_one_kind: (),
    loopback_is_there: (),
    route_names_are_unique: ("name",),
    references_are_bound: (),
    answers_have_one_content: ("file",),
    **patterns.RULES,
    **delivery.RULES,
    **action_checks.RULES,
    **headers.RULES,
    **cors.RULES,
    **keys.RULES,
    **auth_checks.RULES,
}
