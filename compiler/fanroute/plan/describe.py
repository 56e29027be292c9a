"""Describes routes, matches, actions and templates in words, as close to routes.yaml as one line allows. Pure."""

from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

from fanroute.plan.routes import is_declared
from fanroute_runtime.plan import (
    Action,
    Bound,
    Channel,
    Condition,
    Forward,
    Handoff,
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
from fanroute_runtime.plan.caching import CachePolicy
from fanroute_runtime.plan.publishing import Publish
from fanroute_runtime.plan.rate_limits import RateLimit
from fanroute_runtime.plan.rewriting import Rewrite

COLUMNS = ("", "route", "match", "action", "channels", "backend")


def route_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yields a row of COLUMNS for each route, in order. Only routes that routes.yaml declares have a number."""
    numbers = count(1)
    for route in plan.routes:
        number = str(next(numbers)) if is_declared(route) else ""
        yield number, route.name, match_text(route.match), *action_cells(route)


def action_cells(route: Route) -> tuple[str, str, str]:
    """Returns what a route does, its channels and its backend, as the last three cells of a row."""
    action = route.action
    channels = [channel_text(channel) for channel in action.channels] if isinstance(action, Hold | WebSocket) else []
    channels += [template_text(action.channel)] if isinstance(action, Publish) else []
    backend = action.backend if isinstance(action, Handoff | Forward | Tunnel | Hold | WebSocket) else ""
    checks = {"auth": route.auth, "cors": route.cors, "origins": route.origins}
    limits = [limit_text(route.limit)] if route.limit else []
    description = ", ".join([action_text(action), *(name for name, check in checks.items() if check), *limits])
    return description, ", ".join(channels), backend


def match_text(match: Match) -> str:
    """Returns a match on one line, or `*` if it fits every request."""
    parts = [
        " or ".join(match.methods),
        f"{match.scheme}:" if match.scheme else "",
        {None: "", True: "websocket", False: "no websocket"}[match.websocket],
        f"from {' or '.join(match.client_ips)}" if match.client_ips else "",
        " or ".join(host_texts(match)),
        *(_where(match.host_parameter) if match.host_parameter else ()),
        *(path_texts(match.path) if match.path else ()),
        *(condition_text("query", condition) for condition in match.query),
        *(condition_text("header", condition) for condition in match.headers),
    ]
    return " ".join(filter(None, parts)) or "*"


def path_texts(path: PathPattern) -> Iterator[str]:
    """Yields a path pattern, then the pattern of each parameter that has one."""
    segments = [_literal(segment) if isinstance(segment, str) else f"{{{segment.name}}}" for segment in path.segments]
    rest = [f"{{{path.bound_rest.name}...}}"] if path.bound_rest else ["*"] if path.rest else []
    yield "".join(f"/{segment}" for segment in [*segments, *rest])
    for segment in (*path.segments, path.bound_rest):
        if isinstance(segment, Parameter):
            yield from _where(segment)


def _where(parameter: Parameter) -> Iterator[str]:
    if parameter.pattern:
        yield f"where {parameter.name}~{parameter.pattern}"


def host_texts(match: Match) -> list[str]:
    """Returns the hosts of a match as routes.yaml has them."""
    label = match.host_parameter
    return [host.replace("*", f"{{{label.name}}}") if label else host for host in match.hosts]


def _literal(segment: str) -> str:
    """Returns a literal segment as routes.yaml may have it: characters with a special meaning are percent-encoded."""
    return "".join(quote(c, safe="") if c in "{}*%?#\\ " or not c.isprintable() else c for c in segment)


def condition_text(kind: str, condition: Condition) -> str:
    """Returns a condition on one line; `kind` is `query`, `header` or `claim`."""
    if condition.values:
        return f"{kind} {condition.name}={'|'.join(condition.values)}"
    if condition.pattern:
        return f"{kind} {condition.name}~{condition.pattern}"
    return f"{kind} {condition.name}" if condition.present else f"no {kind} {condition.name}"


def action_text(action: Action) -> str:
    """Returns what an action does, without its channels and backend."""
    match action:
        case Handoff(rewrite=rewrite):
            return f"handoff{rewrite_text(rewrite)}"
        case Forward(rewrite=rewrite, cache=cache):
            return f"forward{rewrite_text(rewrite)}{'' if cache is None else f', {cache_text(cache)}'}"
        case Tunnel(rewrite=rewrite):
            return f"tunnel{rewrite_text(rewrite)}"
        case Hold():
            content_type = dict(action.headers)["content-type"].decode()
            return f"{'long_poll' if action.mode == 'response' else 'stream'}, {content_type}"
        case WebSocket():
            closing = f", closed after {action.idle_close} s" if action.idle_close else ""
            publishes = (
                f", publishes on {template_text(action.publish.channel)}{publishing_text(action.publish)}"
                if action.publish
                else ""
            )
            return f"websocket{', echo' if action.echo else ''}{_protocols(action)}{closing}{publishes}"
        case Redirect():
            kept = " and ".join(name for name, keeps in (("path", action.keep_path), ("query", action.keep_query)) if keeps)
            return f"{action.status} to {template_text(action.location)}{kept and f', with the {kept}'}"
        case Preflight():
            return "preflight"
        case Respond():
            return f"respond {action.status}"
        case Publish():
            return f"publish{publishing_text(action)}"


def _protocols(action: WebSocket) -> str:
    required = "" if action.requires_protocol else " (optional)"
    return "".join(f", {name}{required}" for name in action.protocols)


def publishing_text(publishing: Publish) -> str:
    """Returns for whom and how messages are published, as what follows their channel."""
    envelope = f", in an envelope with {', '.join(name for name, *_ in publishing.envelope)}" if publishing.envelope else ""
    return f" for {' and '.join(publishing.subscribers)}{envelope}"


def cache_text(policy: CachePolicy) -> str:
    """Returns how answers are cached."""
    if policy == CachePolicy():
        return "caches nothing"
    fresh = "" if policy.ttl is None else f" for {policy.ttl} s"
    stale = "" if policy.stale_while_revalidate is None else f", stale for {policy.stale_while_revalidate} s more"
    return f"caches answers{fresh}{stale}"


def limit_text(limit: RateLimit) -> str:
    """Returns how often a client may use a route."""
    by = "client_ip" if limit.by is None else f"{limit.by.source}.{limit.by.name}"
    return f"at most {limit.rate}/s within {limit.window} s by {by}"


def rewrite_text(rewrite: Rewrite | None) -> str:
    """Returns how the path and query change for a backend, as what follows an action; "" if they do not."""
    if rewrite is None:
        return ""
    changes = [f"{template_text(rewrite.path)}{'' if rewrite.strip is None else '/*'}"] if rewrite.path or rewrite.strip else []
    if rewrite.strip:
        changes.append(f"without the first {'segment' if rewrite.strip == 1 else f'{rewrite.strip} segments'}")
    changes += [f"with query {name}={template_text(value)}" for name, value in rewrite.set_query]
    changes += [f"without query {name}" for name in rewrite.remove_query]
    return f" to {', '.join(changes)}" if rewrite.path or rewrite.strip else f" {', '.join(changes)}"


def channel_text(channel: Channel) -> str:
    """Returns a channel with the id of the last message that the client has, if there is one, and its filters."""
    after = f" after {template_text(channel.prev_id)}" if channel.prev_id else ""
    return template_text(channel.name) + after + "".join(f" [{name}]" for name in channel.filters)


def template_text(template: Template) -> str:
    """Returns a template as routes.yaml has it."""
    return "".join(part if isinstance(part, str) else reference_text(part) for part in template)


def reference_text(bound: Bound) -> str:
    """Returns a reference as routes.yaml has it, such as `{room}` or `{query.id}`."""
    return f"{{{bound.name}}}" if bound.source == "path" else f"{{{bound.source}.{bound.name}}}"
