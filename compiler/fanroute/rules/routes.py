"""Checks routes, their actions and the defaults for them: FR205, FR208, FR212, FR231 and FR411."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import HEALTH
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.actions import ACTIONS
from fanroute.spec.defaults import ACTION_DEFAULTS, ROUTE_DEFAULTS, takes_default
from fanroute.spec.document import default_name
from fanroute.syntax.source import Path, Source

FR205 = Rule(
    "FR205",
    "error",
    "a route has no action, or more than one",
    "A request gets one answer. Of two actions, one would be lost, and a route without an action would have no answer.",
    START + "routes:\n  - handoff: origin\n    respond: {status: 404}\n",
    "Split the route in two, each with its own match, or add the missing action.",
)


@source_check()
def check_action_count(source: Source) -> Iterator[Diagnostic]:
    """Reports FR205: a route does not have exactly one action."""
    for index, route in raw.routes(source):
        actions = raw.actions(route)
        if not actions and "include" not in route:
            suggestion = f"add one of {', '.join(ACTIONS)}"
            yield Diagnostic(FR205, "this route has no action", source.key_span(("routes", index)), suggestion)
        for extra in actions[1:]:
            span = source.key_span(("routes", index, extra))
            note = Note("the first action", source.key_span(("routes", index, actions[0])))
            message = f"'{extra}' is a second action, in addition to '{actions[0]}'"
            yield Diagnostic(FR205, message, span, "move it to a route of its own", (note,))


FR208 = Rule(
    "FR208",
    "error",
    "two routes have the same name",
    "A name identifies a route, for instance in the output of `fanroute match`. So two routes cannot share one.",
    START + "routes:\n  - name: chat\n    match: {path: /chat}\n    handoff: origin\n  - name: chat\n    handoff: origin\n",
    "Rename one of the routes, or remove its name.",
)


@source_check("name")
def check_route_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR208: two routes have the same name."""
    first: dict[str, int] = {}
    for index, route in raw.routes(source):
        name = route.get("name", default_name(index))
        if name == HEALTH and source.has((HEALTH,)):
            note = Note("the route that answers 'health' has this name", source.key_span((HEALTH,)))
            span = source.value_span(("routes", index, "name"))
            yield Diagnostic(FR208, f"a route is named '{name}'", span, "give it another name", (note,))
        if isinstance(name, str) and first.setdefault(name, index) != index:
            note = Note("the first one", source.value_span(("routes", first[name], "name")))
            span = source.value_span(("routes", index, "name"))
            yield Diagnostic(FR208, f"a second route is named '{name}'", span, "give it another name", (note,))


FR212 = Rule(
    "FR212",
    "error",
    "an answer has both a `body` and a `file`",
    "An answer has one content. Of `body` and `file`, one would be lost.",
    START + "routes:\n  - respond: {status: 200, body: hello, file: hello.html}\n",
    "Keep one of them.",
)


@source_check("file")
def check_answer_content(source: Source) -> Iterator[Diagnostic]:
    """Reports FR212: an answer has both `body` and `file`."""
    for index, route in raw.routes(source):
        respond = route.get("respond")
        if isinstance(respond, dict) and {"body", "file"} <= set(respond):
            path: Path = ("routes", index, "respond")
            note = Note("the 'body'", source.key_span((*path, "body")))
            message = "'file' and 'body' cannot be used together"
            yield Diagnostic(FR212, message, source.key_span((*path, "file")), "keep one of them", (note,))


FR231 = Rule(
    "FR231",
    "error",
    "a route's action cannot answer the requests of its match",
    "A WebSocket begins with a GET that asks for one, and it goes through the edge only by `websocket`, `tunnel` or `handoff`. "
    "If a match contradicts that, the action could only answer with errors.",
    START + "routes:\n  - match: {path: /ws, websocket: true}\n    forward: origin\n",
    "Change the match or the action.",
)

# For each action the value of `websocket` in a match that it cannot serve, and a suggestion.
_UNSERVED: dict[str, tuple[bool | None, str]] = {
    **dict.fromkeys(("stream", "sse", "long_poll"), (True, "remove it, or use the action 'websocket:'")),
    "forward": (True, "use 'tunnel:' for WebSockets"),
    "websocket": (False, "remove it"),
    "tunnel": (False, "remove it, or use 'forward:' for other requests"),
}
_WEBSOCKET_ACTIONS = ("websocket", "tunnel")


@source_check("websocket", "method")
def check_actions_against_matches(source: Source) -> Iterator[Diagnostic]:
    """Reports FR231: a route's action cannot answer the requests of its match."""
    for index, route in raw.routes(source):
        match = route.get("match")
        if isinstance(match, dict) and ("websocket" in match or "method" in match):
            for action in raw.actions(route):
                yield from _contradictions(source, index, match, action)


def _contradictions(source: Source, index: int, match: dict[str, Any], action: str) -> Iterator[Diagnostic]:
    def contradiction(key: str, message: str, suggestion: str) -> Diagnostic:
        note = Note("the action", source.key_span(("routes", index, action)))
        return Diagnostic(FR231, message, source.value_span(("routes", index, "match", key)), suggestion, (note,))

    unserved, suggestion = _UNSERVED.get(action, (None, ""))
    if unserved is not None and match.get("websocket") is unserved:
        message = (
            f"'{action}' cannot answer WebSockets" if unserved else f"'{action}' is for WebSockets, which this match excludes"
        )
        yield contradiction("websocket", message, suggestion)
    if action in _WEBSOCKET_ACTIONS and not _takes_get(match.get("method", "GET")):
        message = f"'{action}' needs the method GET, with which every WebSocket begins"
        yield contradiction("method", message, "add GET, or remove 'method'")


def _takes_get(methods: Any) -> bool:
    return "GET" in methods if isinstance(methods, list) else methods == "GET" or not isinstance(methods, str)


FR411 = Rule(
    "FR411",
    "note",
    "no route uses a default",
    "A default is for routes whose action can have the key and that do not have it themselves. `cors` is for `stream`, `sse`, "
    "`long_poll` and `respond` (not for `handoff` and `forward`). `keep_alive` is for `stream`, `sse` and `websocket`, and "
    "`origins` for `websocket`, `tunnel` and `handoff`. Header rules are for routes where the edge can apply them. `auth` is for "
    "all routes that are not `public`. A default that no route uses has no effect.",
    START + "defaults: {keep_alive: 25s}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
    "Remove the default, or give a route the action that it is meant for.",
)


@plan_check
def check_defaults(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR411: no route uses a default."""
    defaults, routes = raw.defaults(file.source), raw.routes(file.source)
    actions = [(action, route) for _, route in routes for action in raw.actions(route)] if defaults else []
    for key in defaults:
        if not any(takes_default(action, key) and not _overrides(key, action, route) for action, route in actions):
            span = file.source.key_span(("defaults", key))
            yield Diagnostic(FR411, f"no route uses the default '{key}'", span, "remove it")


def _overrides(key: str, action: str, route: dict[str, Any]) -> bool:
    """Returns True if a route or its action has the key itself, instead of the default."""
    if key == "auth" and "public" in route:
        return True
    return (key in ACTION_DEFAULTS and key in route[action]) or (key in ROUTE_DEFAULTS and key in route)
