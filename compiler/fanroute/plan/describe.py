"""Routes, matches and actions in words, as routes.yaml has them. Pure: lines and rows of text."""

from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

from fanroute.plan.references import reference_text
from fanroute.plan.trace import Trace
from fanroute_runtime.exchange import Answer, Decision, Passing, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import (
    Action,
    Channel,
    Condition,
    Forward,
    Handoff,
    HeaderRules,
    Hold,
    Match,
    Parameter,
    PathPattern,
    Plan,
    Preflight,
    Redirect,
    Respond,
    Route,
    Template,
    Tunnel,
    WebSocket,
)

COLUMNS = ("", "route", "match", "action", "channels", "backend")


def rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """A row of COLUMNS for each route, in order; those for preflight requests have no number, as they stand in no file."""
    numbers = count(1)
    for route in plan.routes:
        number = "" if isinstance(route.action, Preflight) else str(next(numbers))
        yield number, route.name, match_text(route.match), *answer_cells(route)


def answer_cells(route: Route) -> tuple[str, str, str]:
    """What a route does, on which channels, and by which backend."""
    action = route.action
    channels = action.channels if isinstance(action, Hold | WebSocket) else ()
    backend = action.backend if isinstance(action, Handoff | Forward | Tunnel | Hold | WebSocket) else ""
    kept = {"auth": route.auth, "cors": route.cors, "origins": route.origins}
    told = ", ".join([action_text(action), *(name for name, given in kept.items() if given)])
    return told, ", ".join(map(channel_text, channels)), backend


def match_text(match: Match) -> str:
    """A match on one line; `*` for one that any request fits."""
    parts = [
        " or ".join(match.methods),
        f"{match.scheme}:" if match.scheme else "",
        {None: "", True: "websocket", False: "no websocket"}[match.websocket],
        " or ".join(match.hosts),
        *(path_texts(match.path) if match.path else ()),
        *(condition_text("query", condition) for condition in match.query),
        *(condition_text("header", condition) for condition in match.headers),
    ]
    return " ".join(filter(None, parts)) or "*"


def path_texts(path: PathPattern) -> Iterator[str]:
    """A path, and the patterns of its parameters."""
    segments = [_literal(segment) if isinstance(segment, str) else f"{{{segment.name}}}" for segment in path.segments]
    yield "".join(f"/{segment}" for segment in [*segments, *(["*"] if path.rest else [])])
    for segment in path.segments:
        if isinstance(segment, Parameter) and segment.pattern:
            yield f"where {segment.name}~{segment.pattern}"


def _literal(segment: str) -> str:
    """A literal segment as routes.yaml may have it: percent-encoded where it would mean something else."""
    return "".join(quote(c, safe="") if c in "{}*%?#\\ " or not c.isprintable() else c for c in segment)


def condition_text(kind: str, condition: Condition) -> str:
    if condition.values:
        return f"{kind} {condition.name}={'|'.join(condition.values)}"
    if condition.pattern:
        return f"{kind} {condition.name}~{condition.pattern}"
    return f"{kind} {condition.name}" if condition.present else f"no {kind} {condition.name}"


def action_text(action: Action) -> str:
    """What a route does, without its channels and backend."""
    match action:
        case Handoff():
            return "handoff"
        case Forward():
            return "forward"
        case Tunnel():
            return "tunnel"
        case Hold():
            content_type = dict(action.headers)["content-type"].decode()
            return f"{'long_poll' if action.mode == 'response' else 'stream'}, {content_type}"
        case WebSocket():
            closing = f", closed after {action.idle_close} s" if action.idle_close else ""
            return f"websocket{', echo' if action.echo else ''}{''.join(f', {name}' for name in action.protocols)}{closing}"
        case Redirect():
            return f"{action.status} to {template_text(action.location)}"
        case Preflight():
            return "preflight"
        case Respond():
            return f"respond {action.status}"


def channel_text(channel: Channel) -> str:
    """A channel with its filters, and the id after which its messages are wanted."""
    after = f" after {template_text(channel.prev_id)}" if channel.prev_id else ""
    return template_text(channel.name) + after + "".join(f" [{name}]" for name in channel.filters)


def template_text(template: Template) -> str:
    return "".join(part if isinstance(part, str) else reference_text(part) for part in template)


def trace_lines(trace: Trace) -> Iterator[str]:
    """A trace, told: the routes tried, and each pass."""
    for step in trace.steps:
        yield f"  {step.route}: no, by {', '.join(step.unfit)}" if step.unfit else f"  {step.route}: yes"
    if not trace.steps or trace.steps[-1].unfit:
        yield "  no route"
    yield from _decision("Answered at once", trace.decision)
    if trace.second is not None:
        yield from _decision("Asked by Fanout, the edge answers", trace.second)


def _decision(answered: str, decision: Decision) -> Iterator[str]:
    match decision:
        case Answer():
            yield from _answer(answered, decision)
        case ToFanout(backend):
            yield f"Handed off to {backend} through Fanout, with"
            yield from _passed_on(decision)
        case ToWebSocket(backend):
            yield f"Joined to a WebSocket of {backend}, with"
            yield from _passed_on(decision)
        case ToBackend(backend, _, response_headers):
            yield f"Forwarded to {backend}, with"
            yield from _passed_on(decision)
            if response_headers != HeaderRules() or decision.backend_answers:
                yield "Its answer goes to the client, with"
                yield from _rules(response_headers)
            if decision.backend_answers:
                yield "  access-control-* (removed)"
                yield from _rules(HeaderRules(add=decision.sharing))


def _answer(how: str, answer: Answer) -> Iterator[str]:
    yield f"{how}: {answer.status}"
    yield from _headers(answer.headers)
    for line in answer.body.decode(errors="replace").splitlines():
        yield f"  | {line}"


def _passed_on(to: Passing) -> Iterator[str]:
    if to.uri is not None:
        yield f"  the URI {to.uri}"
    yield from _rules(to.headers)


def _rules(rules: HeaderRules) -> Iterator[str]:
    yield from _headers(rules.set)
    yield from (f"  {name}: {value.decode('latin-1')} (added)" for name, value in rules.add)
    yield from (f"  {name} (removed)" for name in rules.remove)


def _headers(headers: tuple[tuple[str, bytes], ...]) -> Iterator[str]:
    for name, value in headers:
        yield f"  {name}: {value.decode('latin-1')}"
