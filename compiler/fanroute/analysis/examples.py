"""Makes a request that fits a match, from values that are easy to read. Earlier routes are not considered."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode

from fanroute.analysis.automata import HEADER_VALUE, QUERY_VALUE, SEGMENT, example_text, rest_values
from fanroute.analysis.channels import Values
from fanroute.analysis.client_addresses import Addresses
from fanroute.analysis.sets import NONE
from fanroute.plan.claims import words_of
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.routes import references, templates_of
from fanroute.plan.trace import mismatches
from fanroute_runtime.matching.host_labels import LABEL, MAX_LABEL
from fanroute_runtime.matching.pattern import Automaton, compile_pattern
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.plan import Bound, Condition, Hold, Match, Parameter, Route, Template, WebSocket


def example_values(match: Match) -> Values:
    """Returns a value for each parameter of the path and host, and for each header and query parameter that must be there."""
    segments = match.path.segments if match.path else ()
    parameters = [segment for segment in segments if isinstance(segment, Parameter)]
    values = {Bound("path", parameter.name): example_text(parameter.pattern, SEGMENT, parameter.name) for parameter in parameters}
    if match.path and (rest := match.path.bound_rest):
        values[Bound("path", rest.name)] = example_text(rest.pattern, rest_values(()), rest.name)
    if label := match.host_parameter:
        values[Bound("path", label.name)] = example_text(label.pattern, compile_pattern(LABEL), label.name[:MAX_LABEL])
    values |= {Bound("query", one.name): _value(one, QUERY_VALUE) for one in match.query if one.present}
    return values | {Bound("header", one.name): _value(one, HEADER_VALUE) for one in match.headers if one.present}


def example_address(match: Match) -> str | None:
    """Returns an address that a client may have, or None if any will do."""
    return Addresses.of(match.client_ips).sample(NONE) if match.client_ips else None


def example_target(match: Match, values: Values, further: Mapping[str, str] = MappingProxyType({})) -> str:
    """Returns the path and query of a request with these values. `further` query parameters are added."""
    segments: list[str] = []
    if match.path:
        for segment in match.path.segments:
            segments.append(values[Bound("path", segment.name)] if isinstance(segment, Parameter) else segment)
        rest = match.path.bound_rest
        segments += values[Bound("path", rest.name)].split("/") if rest else ["x"] if match.path.rest else []
    path = "".join(f"/{quote(segment, safe='')}" for segment in segments) or "/"
    pairs = {bound.name: value for bound, value in values.items() if bound.source == "query"} | {**further}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def example_headers(values: Values) -> list[tuple[str, str]]:
    """Returns the headers among the values, as (name, value) pairs."""
    return [(bound.name, value) for bound, value in values.items() if bound.source == "header"]


def expand(template: Template, values: Values) -> str:
    """Returns the text that a template gives with these values. The name of a claim stands for its value."""
    return "".join(part if isinstance(part, str) else values.get(part, part.name) for part in template)


def example_claims(route: Route, values: Values) -> dict[str, str | list[str]]:
    """Returns claims with which a token admits a request with these values to its route, by their names in routes.yaml.

    `iss` and `aud` are not among them.
    """
    if route.auth is None:
        return {}
    bounds = [bound for template in templates_of(route.action) for bound in references(template)]
    claims = {bound.name: bound.name for bound in bounds if bound.source.startswith("claim")}
    for one in route.auth.claims:
        if one.present:
            value = expand(one.templates[0], values) if one.templates else _value(one, HEADER_VALUE)
            # Only words have several conditions.
            claims[one.name] = f"{claims[one.name]} {value}" if one.name in claims and words_of(one.name) else value
    if not (route.auth.channels and isinstance(route.action, Hold | WebSocket)):
        return {**claims}
    known = with_claims(values, claims)
    return {**claims, route.auth.channels: [expand(channel.name, known) for channel in route.action.channels]}


def with_claims(values: Values, claims: Mapping[str, object]) -> Values:
    """Adds the claims of a token that are texts to the values of a request."""
    return {**values, **{Bound("claim", name): claim for name, claim in claims.items() if isinstance(claim, str)}}


def needed_host(match: Match, values: Values, own_host: str) -> str:
    """Returns the Host that a request with these values needs for a match, or "" if `own_host`, the edge's own, fits."""
    client = client_of(RequestData("GET", f"http://{own_host}/"))
    label = values[Bound("path", match.host_parameter.name)] if match.host_parameter else ""
    fits = not mismatches(match_predicates(Match(hosts=match.hosts, host_parameter=match.host_parameter)), client)
    if not match.hosts or (fits and label in ("", client.host.partition(".")[0])):
        return ""
    return match.hosts[0].replace("*", label or "example")


def _value(condition: Condition, possible: Automaton) -> str:
    return condition.values[0] if condition.values else example_text(condition.pattern, possible, "x")
