"""Writes what the user can do next, as lines of text. Pure."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, SEGMENT, example_text
from fanroute.devserver.config import EdgeUrls
from fanroute.diagnostics.shell import path_word, shell_word
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import declared_routes
from fanroute.plan.trace import mismatches
from fanroute_runtime.local import host_entry
from fanroute_runtime.matching.pattern import Automaton
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.plan import (
    Bound,
    Condition,
    Hold,
    Match,
    Parameter,
    PathPattern,
    Route,
    Template,
    TokenPlace,
    Tunnel,
    WebSocket,
)

DEFAULT_CHANNEL = "test"
Formats = dict[str, dict[str, str]]
# The message to publish on each kind of endpoint. An event for an EventSource ends with an empty line.
MESSAGES: Mapping[str, Formats] = {
    "stream": {"http-stream": {"content": "hello\n"}},
    "sse": {"http-stream": {"content": "data: hello\n\n"}},
    "long_poll": {"http-response": {"body": "hello\n"}},
    "websocket": {"ws-message": {"content": "hello"}},
}
# Headers that curl sends unless an option removes them.
_SENT_BY_CURL = ("accept", "user-agent")
# Stands for a client's token.
TOKEN = "TOKEN"


def publish_lines(compiled: Compiled, service_id: str, folder: Path) -> Iterator[str]:
    """Yields the commands that publish the service in a folder to Fastly, for the first time or again."""
    fastly = "fastly" if folder == Path() else f"cd {path_word(folder)} && fastly"
    if service_id:
        yield f"Publish (service {shell_word(service_id)}): {fastly} compute publish"
        if compiled.has_tunnels:
            yield f"Its tunnels need WebSockets, to be enabled on the service once: {fastly} products --enable=websockets"
        return
    domain = compiled.loopback_host
    first = f"Publish, the first time: {fastly} compute publish --domain {shell_word(domain)}"
    yield first if domain else f"Publish: {fastly} compute publish"


def serve_lines(compiled: Compiled, edge: str, urls: EdgeUrls, hosts: Mapping[str, str]) -> Iterator[str]:
    """Yields a request for each route of a local edge, and a command that publishes a message.

    `hosts` has the entries of the local store that let its names stand for a host.
    """
    name = urlsplit(urls.edge).hostname or ""
    own_host = hosts.get(host_entry(name), name).rpartition("://")[2]
    yield f"Serving {compiled.plan.service} on the {edge} edge at {urls.edge} (Ctrl-C stops it)"
    for route in declared_routes(compiled.plan):
        yield f"  {_example(route, urls.edge, own_host)}"
    yield f"Publish: {publish_command(_messages(compiled), urls.publish)}"


def changed_port_warnings(urls: EdgeUrls, wanted: tuple[int, int]) -> Iterator[str]:
    """Yields a warning for each wanted port that is not free. 0 stands for any port."""
    ports = zip(("", "publish "), (urls.edge, urls.publish), ("--port", "--publish-port"), wanted, strict=True)
    for what, url, option, port in ports:
        got = urlsplit(url).port
        if port not in (0, got):
            yield f"the {what}port {port} is not free: using {got} instead ({option} chooses another)"


def publish_command(messages: Mapping[str, Formats], url: str) -> str:
    """Returns a curl command that publishes messages. `messages` has the formats of a message for each channel."""
    items = [{"channel": channel, "formats": formats} for channel, formats in messages.items()]
    return f"curl -d {shell_word(json.dumps({'items': items}))} {shell_word(url)}"


def _example(route: Route, edge: str, own_host: str) -> str:
    match = route.match
    token = route.auth.places[0] if route.auth else None
    in_query = {token.name: TOKEN} if token and token.kind == "query" else {}
    target = _path(match.path) + _query(match.query, in_query)
    needs_host = match.hosts and not _is_for(own_host, match.hosts)
    headers = [("Host", match.hosts[0].replace("*", "example"))] if needs_host else []
    headers += [(condition.name, _value(condition, HEADER_VALUE)) for condition in match.headers if condition.present]
    headers += _token_header(token)
    options = "".join(f" -H {shell_word(f'{name}: {value}')}" for name, value in headers)
    if isinstance(route.action, WebSocket):
        options += "".join(f" -s {shell_word(protocol)}" for protocol in route.action.protocols[:1])
    if isinstance(route.action, WebSocket | Tunnel) or match.websocket:
        return f"{route.name}: npx wscat -c {shell_word(edge.replace('http', 'ws', 1) + target)}{options}"
    options = "".join(f" -H {_for_curl(name, value)}" for name, value in headers)
    options += "".join(
        f" -H {shell_word(f'{one.name}:')}" for one in match.headers if not one.present and one.name in _SENT_BY_CURL
    )
    hold = " -N" if isinstance(route.action, Hold) else ""
    return f"{route.name}: curl{hold}{_method(match.methods)}{options} {shell_word(edge + target)}"


def _method(methods: tuple[str, ...]) -> str:
    if not methods or methods[0] == "GET":
        return ""
    # With -X HEAD, curl would wait for a body.
    return " -I" if methods[0] == "HEAD" else f" -X {shell_word(methods[0])}"


def _for_curl(name: str, value: str) -> str:
    """Returns a header as a quoted argument of curl. Bytes are not changed, and a header without a value ends in ';'."""
    return shell_word(f"{name}: {value}".encode("latin-1", "replace") if value else f"{name};")


def _is_for(host: str, hosts: tuple[str, ...]) -> bool:
    return not mismatches(match_predicates(Match(hosts=hosts)), client_of(RequestData("GET", f"http://{host}/")))


def _token_header(place: TokenPlace | None) -> list[tuple[str, str]]:
    if place is None or place.kind == "query":
        return []
    return [("Authorization", f"Bearer {TOKEN}") if place.kind == "authorization" else ("Cookie", f"{place.name}={TOKEN}")]


def _path(pattern: PathPattern | None) -> str:
    if pattern is None:
        return "/"
    segments = [_segment(segment) if isinstance(segment, Parameter) else segment for segment in pattern.segments]
    return "".join(f"/{quote(segment, safe='')}" for segment in [*segments, *(["x"] if pattern.rest else [])])


def _segment(parameter: Parameter) -> str:
    return example_text(parameter.pattern, SEGMENT, parameter.name)


def _query(conditions: tuple[Condition, ...], further: dict[str, str]) -> str:
    pairs = {condition.name: _value(condition, QUERY_VALUE) for condition in conditions if condition.present}
    return f"?{urlencode(pairs | further)}" if pairs | further else ""


def _value(condition: Condition, possible: Automaton) -> str:
    return condition.values[0] if condition.values else example_text(condition.pattern, possible, "x")


def _messages(compiled: Compiled) -> Mapping[str, Formats]:
    """Returns messages, by channel, that reach the first endpoint of each kind.

    If a stream and an EventSource have the same channel, its message is for the EventSource. If there are only handoffs, whose
    channels the origin chooses, the messages are for DEFAULT_CHANNEL.
    """
    first: dict[str, str] = {}
    for route in compiled.plan.routes:
        if isinstance(route.action, WebSocket | Hold) and route.action.channels:
            first.setdefault(_kind(route.action), _example_channel(route.action.channels[0].name, route))
    if not first:
        return {DEFAULT_CHANNEL: MESSAGES["stream"] | MESSAGES["long_poll"] | MESSAGES["websocket"]}
    messages: dict[str, Formats] = {}
    for kind in MESSAGES:
        if kind in first:
            messages[first[kind]] = messages.get(first[kind], {}) | MESSAGES[kind]
    return messages


def _kind(action: WebSocket | Hold) -> str:
    if isinstance(action, WebSocket):
        return "websocket"
    if action.mode == "response":
        return "long_poll"
    events = any(name.lower() == "content-type" and value.startswith(b"text/event-stream") for name, value in action.headers)
    return "sse" if events else "stream"


def _example_channel(template: Template, route: Route) -> str:
    """Returns the channel that the route's example request subscribes to. The name of a claim stands for its value."""
    match = route.match
    values = {("query", condition.name): _value(condition, QUERY_VALUE) for condition in match.query}
    values |= {("header", condition.name): _value(condition, HEADER_VALUE) for condition in match.headers}
    parameters = match.path.segments if match.path else ()
    values |= {("path", part.name): _segment(part) for part in parameters if isinstance(part, Parameter)}

    def value(bound: Bound) -> str:
        return bound.name if bound.source == "claim" else values[bound.source, bound.name]

    return "".join(part if isinstance(part, str) else value(part) for part in template)
