"""Writes what the user can do next, as lines of text. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from fanroute.analysis.examples import (
    example_claims,
    example_headers,
    example_target,
    example_values,
    expand,
    needed_host,
    with_claims,
)
from fanroute.client.grip_url import local_grip_url
from fanroute.devserver.addresses import ADDRESS
from fanroute.devserver.config import EdgeUrls
from fanroute.diagnostics.shell import path_word, shell_word
from fanroute.pipeline import Compiled
from fanroute.plan.claims import as_token_has_them
from fanroute.plan.kinds import kind_of
from fanroute.plan.places import place_token
from fanroute.plan.request import LOCAL_CLIENT
from fanroute.plan.routes import declared_routes
from fanroute.plan.tokens import required_claims
from fanroute.project.backend_options import update_command
from fanroute_runtime.local import host_entry
from fanroute_runtime.matching.addresses import in_networks
from fanroute_runtime.plan import Action, Hold, Plan, Route, Tunnel, WebSocket
from fanroute_runtime.plan.auth import TokenPlace
from fanroute_runtime.plan.publishing import Publish

DEFAULT_CHANNEL = "test"
# A message that is JSON.
_MESSAGE = '{"text": "hello"}'
# Headers that curl sends unless an option removes them.
_SENT_BY_CURL = ("accept", "user-agent")
# Stands for a client's token.
TOKEN = "TOKEN"


def publish_lines(compiled: Compiled, service_id: str, folder: Path, options: str = "") -> Iterator[str]:
    """Yields the commands that publish the service in a folder to Fastly, for the first time or again.

    `options` choose the environment, with a space before them.
    """
    fastly = "fastly" if folder == Path() else f"cd {path_word(folder)} && fastly"
    if service_id:
        yield f"Publish (service {shell_word(service_id)}): {fastly} compute publish{options}"
        if compiled.has_tunnels:
            yield f"Its tunnels need WebSockets, to be enabled on the service once: {fastly} products --enable=websockets"
    else:
        domain = compiled.loopback_host
        first = f"Publish, the first time: {fastly} compute publish{options} --domain {shell_word(domain)}"
        yield first if domain else f"Publish: {fastly} compute publish{options}"
    if compiled.has_limits:
        yield "Its limits need Edge Rate Limiting, which no command enables: ask Fastly (docs/language/rate-limits.md)"
    # The Fastly CLI takes an environment only for `compute`. Otherwise it needs the service's id to find the right one.
    commands = {backend.name: update_command(backend, fastly, service_id if options else "") for backend in compiled.backends}
    needed = {name: command for name, command in commands.items() if command}
    if needed and options and not service_id:
        # Without an id, the commands would change production.
        names = ", ".join(f"'{name}'" for name in needed)
        yield f"After that, build again: it then prints the commands that set the options of {names}"
        return
    for name, command in needed.items():
        yield f"After that, once and after each change, set the options of the backend '{name}': {command}"


def serve_lines(
    compiled: Compiled,
    edge: str,
    urls: EdgeUrls,
    hosts: Mapping[str, str],
    fanroute: str = "fanroute",
    options: str = "",
    makes_tokens: bool = True,
    listen: str = ADDRESS,
) -> Iterator[str]:
    """Yields a request for each route of a local edge, commands that publish a message, and what a server needs for that.

    Args:
        compiled: the routes.
        edge: the edge's name.
        urls: where it listens.
        hosts: the entries of the local store that let its names stand for a host.
        fanroute: how a shell calls this program.
        options: the options of `fanroute publish` and `fanroute token` for this edge, each with a space before it.
        makes_tokens: True if the edge accepts the tokens of `fanroute token`.
        listen: the address of `--listen`.
    """
    name = urlsplit(urls.edge).hostname or ""
    own_host = hosts.get(host_entry(name), name).rpartition("://")[2]
    yield f"Serving {compiled.plan.service} on the {edge} edge at {urls.edge} (Ctrl-C stops it)"
    if listen != ADDRESS:
        yield f"  and at {'every address of this machine' if ip_address(listen).is_unspecified else listen}, with the same ports"
    for route in declared_routes(compiled.plan):
        token = _token_command(route, compiled.plan, f"{fanroute} token{options}") if makes_tokens else ""
        yield f"  {_example(route, urls.edge, own_host, token)}{_clients(route)}"
    yield f"Publish to {urls.publish} in another terminal:"
    for channel in _channels(compiled):
        separator = "-- " if channel.startswith("-") else ""
        yield f"  {fanroute} publish{options} {separator}{shell_word(channel)} hello"
    yield f"Or from your server, whose GRIP library takes: GRIP_URL={shell_word(local_grip_url(urls.publish))}"


def changed_port_warnings(
    urls: EdgeUrls, wanted: tuple[int, int], owner: Callable[[int], str] = lambda port: ""
) -> Iterator[str]:
    """Yields a warning for each wanted port that is not free. 0 stands for any port.

    `owner` returns who has a port, or "" if that is not known.
    """
    ports = zip(("", "publish "), (urls.edge, urls.publish), ("--port", "--publish-port"), wanted, strict=True)
    for what, url, option, port in ports:
        got = urlsplit(url).port
        if port not in (0, got):
            taken = f"taken by {who}" if (who := owner(port)) else "not free"
            yield f"the {what}port {port} is {taken}: using {got} instead ({option} chooses another)"


def exposed_warnings(address: str, urls: EdgeUrls) -> Iterator[str]:
    """Yields a warning if other machines can use an edge that listens on this address."""
    if not ip_address(address).is_loopback:
        edge, publish = urlsplit(urls.edge).port, urlsplit(urls.publish).port
        yield (
            f"--listen {address} opens this edge to other machines. Without a password, whoever reaches port {edge} can use your "
            f"backends through it, and whoever reaches port {publish} can publish. Only the console stays on this machine"
        )


def _token_command(route: Route, plan: Plan, command: str) -> str:
    """Returns the command that prints a token for the example request of a route. It begins with `command`."""
    required = [required_claims(one.auth) for one in plan.routes if one.auth]
    is_ambiguous = any(one != required[0] for one in required)
    claims = as_token_has_them(example_claims(route, example_values(route.match)), route.auth.parts if route.auth else ())
    name = f" --route {shell_word(route.name)}" if is_ambiguous else ""
    return f"{command}{name} --claims {shell_word(json.dumps(claims))}" if claims else command + name


def _with_token(word: str, command: str) -> str:
    """Puts what a command prints in place of TOKEN at the end of a quoted word."""
    end = f"{TOKEN}'"
    return f'{word.removesuffix(end)}\'"$({command})"' if command and word.endswith(end) else word


def _example(route: Route, edge: str, own_host: str, token_command: str) -> str:
    """Returns a command that makes a request for a route. `token_command` prints the client's token, if it is not ""."""
    match = route.match
    token = route.auth.places[0] if route.auth else None
    in_query = {token.name: TOKEN} if token and token.kind == "query" else {}
    values = example_values(match)
    target = example_target(match, values, in_query)
    headers = [("Host", host)] if (host := needed_host(match, values, own_host)) else []
    headers += example_headers(values)
    bearer = [_with_token(shell_word(f"{name}: {value}"), token_command) for name, value in _token_headers(token)]
    url = _with_token(shell_word(edge + target), token_command) if in_query else shell_word(edge + target)
    options = "".join(f" -H {word}" for word in [*(shell_word(f"{name}: {value}") for name, value in headers), *bearer])
    if isinstance(route.action, WebSocket):
        options += "".join(f" -s {shell_word(protocol)}" for protocol in route.action.protocols[:1])
    if token and token.kind == "protocol":
        options += f" -s {shell_word(token.name)} -s " + (f'"$({token_command})"' if token_command else TOKEN)
    if isinstance(route.action, WebSocket | Tunnel) or match.websocket:
        return f"{route.name}: npx wscat -c {url.replace('http', 'ws', 1)}{options}"
    options = "".join(f" -H {word}" for word in [*(_for_curl(name, value) for name, value in headers), *bearer])
    options += "".join(
        f" -H {shell_word(f'{one.name}:')}" for one in match.headers if not one.present and one.name in _SENT_BY_CURL
    )
    hold = " -N" if isinstance(route.action, Hold) else ""
    return f"{route.name}: curl{hold}{_method(match.methods)}{options}{_message(route.action)} {url}"


def _message(action: Action) -> str:
    """Returns the options of curl with which it sends a message, if the action publishes it."""
    if not isinstance(action, Publish):
        return ""
    type_ = "text/plain" if "text/plain" in action.content_types else action.content_types[0]
    return f" -H {shell_word(f'Content-Type: {type_}')} -d {shell_word('hello' if type_ == 'text/plain' else _MESSAGE)}"


def _clients(route: Route) -> str:
    """Returns a comment if a client on this machine does not get a route."""
    networks = route.match.client_ips
    return f"  # only for clients in {' or '.join(networks)}" if networks and not in_networks(networks)(LOCAL_CLIENT) else ""


def _method(methods: tuple[str, ...]) -> str:
    if not methods or methods[0] == "GET":
        return ""
    # With -X HEAD, curl would wait for a body.
    return " -I" if methods[0] == "HEAD" else f" -X {shell_word(methods[0])}"


def _for_curl(name: str, value: str) -> str:
    """Returns a header as a quoted argument of curl. Bytes are not changed, and a header without a value ends in ';'."""
    return shell_word(f"{name}: {value}".encode("latin-1", "replace") if value else f"{name};")


def _token_headers(place: TokenPlace | None) -> list[tuple[str, str]]:
    return place_token("", TOKEN, place)[1] if place and place.kind != "protocol" else []


def _channels(compiled: Compiled) -> list[str]:
    """Returns the channels of the first endpoint of each kind, for its example request.

    If there are only handoffs, whose channels the origin chooses, that is DEFAULT_CHANNEL.
    """
    first: dict[str, str] = {}
    for route in compiled.plan.routes:
        if isinstance(route.action, WebSocket | Hold) and route.action.channels:
            values = example_values(route.match)
            channel = expand(route.action.channels[0].name, with_claims(values, example_claims(route, values)))
            first.setdefault(kind_of(route.action), channel)
    return list(dict.fromkeys(first.values())) or [DEFAULT_CHANNEL]
