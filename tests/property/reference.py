"""Implements docs/language a second time, naively, as a reference for tests. It shares no code with the runtime.

It works on the plain data of a routes.yaml.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from tests.property import tokens
from tests.support.naive import is_within

Data = dict[str, Any]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Facts:
    """Represents a client's request. `own` is the origin of pages that the service itself would serve on that host.

    `faults` are the keys of `paths` in routes.yaml that apply to the request's path. `claims` are those of the client's token
    after it is verified, and `stores` has the stores with the keys.
    """

    method: str
    scheme: str
    host: str
    own: str
    segments: list[str | None]
    query: dict[str, str | None]
    headers: dict[str, str]
    websocket: bool
    faults: frozenset[str] = frozenset()
    path: str = "/"
    raw_query: str = ""
    address: str | None = None
    pairs: Headers = ()
    stores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    claims: Data = field(default_factory=dict)


def facts(
    method: str,
    url: str,
    headers: Headers,
    address: str | None = "127.0.0.1",
    stores: Mapping[str, Mapping[str, Any]] | None = None,
) -> Facts:
    """Returns the facts of a request. The URL is absolute, and header names are in lower case."""
    parts = re.fullmatch(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", url, re.DOTALL)
    assert parts
    scheme, authority, path, query = parts.groups()
    if url == f"{scheme}://{authority}":  # the target of `OPTIONS *`
        authority = authority.removesuffix("*")
    first: dict[str, str] = {}
    for name, value in headers:
        if name not in first:
            first[name] = value.decode("latin-1")
    if "cookie" in first:
        first["cookie"] = "; ".join(value.decode("latin-1") for name, value in headers if name == "cookie" and value)
    return Facts(
        method,
        scheme,
        host_of(authority),
        f"{scheme}://{authority.lower()}",
        [decoded(segment) for segment in (path or "/")[1:].split("/")],
        parameters(query or ""),
        first,
        method == "GET" and first.get("upgrade", "").lower() == "websocket",
        faults_of(path or "/"),
        path or "/",
        query or "",
        address,
        headers,
        stores or {},
    )


def faults_of(path: str) -> frozenset[str]:
    """Returns the faults of a path: parts that another server may read differently, as it is or decoded once."""
    raw = re.sub("%([0-9a-fA-F]{2})", lambda code: chr(int(code[1], 16)), path)
    found = {
        "dot_segments": re.search(r"/\.\.?(;[^/]*)?(/|\Z)", raw),
        "backslashes": "\\" in raw,
        "controls": re.search("[\x00-\x1f\x7f]", raw),
        "empty_segments": "//" in path,
        "encoded_slashes": re.search("%2f", path, re.IGNORECASE),
        "parameters": ";" in raw,
    }
    return frozenset(name for name, fault in found.items() if fault)


def is_refused(spec: Data, asked: Facts) -> bool:
    """Returns True if a request is refused because of its path."""
    usual = dict.fromkeys(("dot_segments", "backslashes", "controls"), "reject")
    return any((usual | spec.get("paths", {})).get(fault) == "reject" for fault in asked.faults)


def host_of(authority: str) -> str:
    """Returns the host of an authority: `a.example.com` for `user@A.Example.com.:80`."""
    host = authority.split("@")[-1]
    host = re.sub(r":[^:\]]*$", "", host) if not host.startswith("[") else host[: host.index("]") + 1] if "]" in host else host
    host = host.lower()
    return host[:-1] if host.endswith(".") else host


def decoded(text: str) -> str | None:
    """Percent-decodes a text once. Returns None if the result is not UTF-8."""
    raw = b""
    for part in re.split(r"(%[0-9a-fA-F]{2})", text):
        raw += bytes([int(part[1:], 16)]) if re.fullmatch(r"%[0-9a-fA-F]{2}", part) else part.encode()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def parameters(query: str) -> dict[str, str | None]:
    """Returns the first value of each query parameter, by name."""
    found: dict[str, str | None] = {}
    for pair in query.split("&"):
        name, _, value = pair.replace("+", " ").partition("=")
        key = decoded(name)
        if pair and key is not None and key not in found:
            found[key] = decoded(value)
    return found


def is_parameter(segment: str) -> bool:
    return segment.startswith("{")


def binds(value: str | None) -> bool:
    """Returns True if a path parameter can take this segment."""
    return value not in (None, "", ".", "..") and "/" not in str(value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def host_fits(wanted: str, where: dict[str, str], host: str) -> bool:
    wanted = wanted.lower()
    if wanted.startswith("{"):
        (name, parent), label = wanted[1:].split("}", 1), host.split(".")[0]
        is_label = 0 < len(label) < 64 and not set(label) - set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        is_label = is_label and "-" not in label[0] + label[-1]
        return is_label and host == label + parent and (name not in where or pattern_fits(where[name], label))
    if wanted.startswith("*"):
        return host.endswith(wanted[1:]) and host != wanted[1:]
    return host == wanted


def path_fits(pattern: str, where: dict[str, str], segments: list[str | None]) -> bool:
    wanted = pattern[1:].split("/")
    if wanted[-1] == "*" or wanted[-1].endswith("...}"):
        if len(segments) < len(wanted):
            return False
        *wanted, last = wanted
        if last != "*" and not rest_fits(segments[len(wanted) :], where.get(last[1:-4])):
            return False
    elif len(segments) != len(wanted):
        return False
    given = segments[: len(wanted)]
    return all(segment_fits(w, where, g) for w, g in zip(wanted, given, strict=True))


def rest_fits(rest: list[str | None], pattern: str | None) -> bool:
    if rest[0] == "" or not all(segment == "" or binds(segment) for segment in rest):
        return False
    return pattern is None or pattern_fits(pattern, "/".join(map(str, rest)))


def segment_fits(wanted: str, where: dict[str, str], given: str | None) -> bool:
    if not is_parameter(wanted):
        return given == wanted
    return binds(given) and (wanted[1:-1] not in where or pattern_fits(where[wanted[1:-1]], given))


def pattern_fits(pattern: str, value: str | None) -> bool:
    return value is not None and re.fullmatch(pattern, value, re.ASCII) is not None


def condition_fits(condition: Any, present: bool, value: str | None) -> bool:
    if isinstance(condition, dict) and "present" in condition:
        return bool(condition["present"]) == present
    if isinstance(condition, dict) and "pattern" in condition:
        return pattern_fits(condition["pattern"], value)
    values = condition["values"] if isinstance(condition, dict) else listed(condition)
    return present and value in values


def fitting_path(match: Data, asked: Facts) -> str | None:
    """Returns the first of the match's paths that a request fits, or None."""
    return next((path for path in listed(match["path"]) if path_fits(path, match.get("where", {}), asked.segments)), None)


def fits(match: Data, asked: Facts) -> bool:
    """Returns True if the request meets all conditions of a match."""
    tests = [True]
    if "host" in match:
        tests.append(any(host_fits(wanted, match.get("where", {}), asked.host) for wanted in listed(match["host"])))
    if "path" in match:
        tests.append(fitting_path(match, asked) is not None)
    if "method" in match:
        tests.append(asked.method in listed(match["method"]))
    if "scheme" in match:
        tests.append(asked.scheme == match["scheme"])
    if "websocket" in match:
        tests.append(asked.websocket == match["websocket"])
    if "client_ip" in match:
        tests.append(any(is_within(asked.address, network) for network in listed(match["client_ip"])))
    for name, condition in match.get("header", {}).items():
        key = name.lower()
        tests.append(condition_fits(condition, key in asked.headers, asked.headers.get(key)))
    for name, condition in match.get("query", {}).items():
        tests.append(condition_fits(condition, name in asked.query, asked.query.get(name)))
    return all(tests)


def is_preflight(route: Data, asked: Facts) -> bool:
    """Returns True if the request is a CORS preflight for a request that the route's match takes."""
    if not any(isinstance(action, dict) and "cors" in action for action in route.values()):
        return False
    to_come = asked.headers.get("access-control-request-method")
    if asked.method != "OPTIONS" or "origin" not in asked.headers or to_come is None:
        return False
    match = {key: value for key, value in route.get("match", {}).items() if key not in ("header", "websocket")}
    return fits(match, replace(asked, method=to_come))


def route_of(spec: Data, asked: Facts) -> tuple[int, bool] | None:
    """Returns the number of the route that takes a request, from 0, and True if it takes it as a preflight."""
    if is_refused(spec, asked):
        return None
    for number, route in enumerate(spec["routes"]):
        if is_preflight(route, asked):
            return number, True
        if fits(route.get("match", {}), asked):
            return number, False
    return None


def page_may_connect(origins: Any, asked: Facts) -> bool:
    """Returns True if the request may open a WebSocket: it comes from no page, an allowed origin or the service's own."""
    page = asked.headers.get("origin")
    if not asked.websocket or page in (None, asked.own):
        return True
    return any(re.fullmatch(_origin_pattern(origin), str(page)) for origin in listed(origins))


def _origin_pattern(origin: str) -> str:
    return re.sub(r":\\\*$", "(:[0-9]+)?", re.escape(origin)).replace(r"\*", "[a-z0-9._-]+")


# The final outcome of a request: its kind, and for example the status or the backend.
Outcome = tuple[str, Any]


def outcome(spec: Data, asked: Facts) -> Outcome:
    """Returns the outcome: a backend's name, an answer's status, a redirect's location, or the channels of a hold or socket."""
    if is_refused(spec, asked):
        return "answer", 400
    found = route_of(spec, asked)
    if found is None:
        return "answer", 404
    number, preflight = found
    if preflight:
        return "answer", 204
    route = spec["routes"][number]
    if route.get("origins", "*") not in ("*", ["*"]) and not page_may_connect(route["origins"], asked):
        return "answer", 403
    (action,) = set(route) & set(tokens.ACTIONS)
    try:
        return answered(spec, route, action, asked)
    except tokens.Refused as refused:
        return "answer", refused.status


def answered(spec: Data, route: Data, action: str, asked: Facts) -> Outcome:
    """Returns the outcome of an action, if the client's token allows it. Raises tokens.Refused."""
    given = route[action]
    auth = tokens.auth_of(spec, route)
    if auth:
        claims = tokens.admitted(auth, action, asked, lambda template: compared(template, route, asked))
        asked = replace(asked, claims=claims)
        if action in tokens.HELD:
            names = channel_names(given, route, asked)
            allowed = auth["channels"] and listed(tokens.claim(claims, auth["channels"]))
            if auth["channels"] and not all(name in allowed for name in names or ()):
                raise tokens.Refused(403)
    if action in ("handoff", "forward", "tunnel"):
        if action == "tunnel" and not asked.websocket:
            return "answer", 426
        if isinstance(given, str):
            return action, given
        return ("answer", 400) if rewritten(given.get("rewrite", {}), route, asked) is None else (action, given["backend"])
    if action == "redirect":
        dropped = {place["query"] for place in auth["token"] if "query" in place} if auth else set()
        kept = [pair for pair in asked.raw_query.split("&") if parameters(f"{pair}=").keys().isdisjoint(dropped)]
        asked = replace(asked, raw_query="&".join(kept))
        return redirected({"location": given} if isinstance(given, str) else given, route, asked)
    if action == "respond":
        return "answer", given["status"]
    return held(action, route, asked)


def target(spec: Data, asked: Facts) -> str | None:
    """Returns the path and query with which a backend gets a request, or None if they are the client's own or nobody gets it."""
    found = route_of(spec, asked)
    route = spec["routes"][found[0]] if found and not found[1] else {}
    given = next((value for key, value in route.items() if key in ("handoff", "forward", "tunnel")), None)
    return rewritten(given["rewrite"], route, asked) if isinstance(given, dict) and "rewrite" in given else None


def rewritten(rewrite: Data, route: Data, asked: Facts) -> str | None:
    """Returns the path and query of a rewritten request, or None if it is refused."""
    if not rewrite:
        return ""
    if "path" in rewrite:
        path = filled(rewrite["path"], route, asked, encoded=True)
    else:
        path = filled(rewrite.get("add_prefix", ""), route, asked, encoded=True)
        left = asked.path.split("/")[len(rewrite.get("strip_prefix", "").split("/")) :]
        path = None if path is None else path + "".join("/" + segment for segment in left)
    if path is None or re.match(r"/[/\\]", path):
        return None
    query = rewrite.get("query", {})
    changed = {*query.get("set", {}), *query.get("remove", [])}
    pairs = [pair for pair in asked.raw_query.split("&") if decoded(pair.split("=")[0].replace("+", " ")) not in changed]
    for name, template in query.get("set", {}).items():
        parts = [
            filled(part, route, asked, encoded=part.startswith("{")) if part.startswith("{") else quote(part, safe="")
            for part in re.split(r"(\{[^{}]*\})", template)
        ]
        if None in parts:
            return None
        pairs = (
            [*filter(None, pairs), quote(name, safe="") + "=" + "".join(map(str, parts))]
            if pairs == [""]
            else [*pairs, quote(name, safe="") + "=" + "".join(map(str, parts))]
        )
    text = "&".join(pairs)
    return (path or "/") + (f"?{text}" if text else "")


def redirected(given: Data, route: Data, asked: Facts) -> Outcome:
    """Returns the outcome of a redirect in its long form."""
    address = given.get("location") or f"{given.get('scheme', 'https')}://{given['host']}{given.get('path', '')}"
    location = filled(address, route, asked, encoded=True)
    if location is None:
        return "answer", 400
    kept = asked.path if "host" in given and "path" not in given else ""
    query = asked.raw_query if given.get("keep_query", "host" in given) else ""
    return "redirect", location + quote(kept + (f"?{query}" if query else ""), safe="".join(map(chr, range(0x21, 0x7F))))


def held(action: str, route: Data, asked: Facts) -> Outcome:
    """Returns the outcome of an action that holds a connection, for which Fanout sends the request back to the service."""
    if asked.websocket != (action == "websocket"):
        # An HTTP request is answered at once; WebSocket events are refused when they come through Fanout.
        return "answer", 426 if action == "websocket" else 403
    given = route[action]
    names = channel_names(given, route, asked)
    others = [channel["prev_id"] for channel in channels_of(given) if "prev_id" in channel] + list(given.get("meta", {}).values())
    sound = names is not None and all(is_channel(filled(other, route, asked)) for other in others)
    if not sound or filled(given.get("link", ""), route, asked, encoded=True) is None:
        return "answer", 400
    if asked.method == "HEAD":
        return "answer", given.get("on_timeout", {}).get("status", 200)
    return "channels", names


def channels_of(given: Data) -> list[Data]:
    """Returns the channels of an action in their long form."""
    return [channel if isinstance(channel, dict) else {"name": channel} for channel in listed(given["channel"])]


def channel_names(given: Data, route: Data, asked: Facts) -> list[str] | None:
    """Returns the names of an action's channels for a request, or None if one of them is invalid."""
    names: list[str] = []
    for channel in channels_of(given):
        name = filled(channel["name"], route, asked)
        if name is None or not is_channel(name):
            return None
        names.append(name)
    return names


def is_channel(name: str | None) -> bool:
    return name is not None and bool(re.fullmatch("(?! )[ -~]{1,256}(?<! )", name)) and not set(name) & set(',;"')


def filled(template: str, route: Data, asked: Facts, encoded: bool = False) -> str | None:
    """Fills a template with the values that the match has bound.

    Returns None if a value is no text, or if it is empty and the template is not percent-encoded.
    """
    text = shape = ""
    parts = list(filter(None, re.split(r"(\{[^{}]*\})", template)))
    for part in parts:
        if part.startswith("{claim.") and not is_channel(tokens.text_of(tokens.claim(asked.claims, part[7:-1]))):
            raise tokens.Refused(403)
    for part in parts:
        value, kept = bound(part, route, asked)
        if value is None or not (value or encoded):
            return None
        if part.startswith("{") and not encoded and re.search("%[0-9a-fA-F][0-9a-fA-F]", value):
            return None
        text += quote(value, safe=kept) if encoded and part.startswith("{") else value
        shape += "{}" + "/+" * value.count("/") if kept else part
    return None if encoded and leads_elsewhere(shape, text) else text


def bound(part: str, route: Data, asked: Facts) -> tuple[str | None, str]:
    """Returns the value of a part of a template, and the characters that are not percent-encoded in it."""
    match = route.get("match", {})
    wanted = (fitting_path(match, asked) or "" if "path" in match else "")[1:].split("/")
    if not part.startswith("{"):
        return part, ""
    if part.startswith("{claim."):
        return tokens.text_of(tokens.claim(asked.claims, part[7:-1])), ""
    if part.startswith("{query."):
        return asked.query.get(part[7:-1]), ""
    if part.startswith("{header."):
        return asked.headers.get(part[8:-1].lower()), ""
    if wanted[-1] == part[:-1] + "...}":
        return "/".join(map(str, asked.segments[len(wanted) - 1 :])), "/"
    if str(listed(match.get("host", ""))[0]).startswith(f"{part}."):
        return asked.host.split(".")[0], ""
    return asked.segments[wanted.index(part)], ""


def compared(template: str, route: Data, asked: Facts) -> str | None:
    """Returns the text with which a claim is compared, or None if a value of the request is no text."""
    values = [bound(part, route, asked)[0] for part in re.split(r"(\{[^{}]*\})", template)]
    return None if None in values else "".join(map(str, values))


def leads_elsewhere(shape: str, text: str) -> bool:
    """Returns True if a segment of a location's path that has a value in it is empty, or has dots between slashes.

    `shape` is the template, where a `+` is a further segment of the rest of a path. It may be empty.
    """
    ways = (re.split(r"[/\\]", re.split("[?#]", each)[0]) for each in (shape, text))
    filled = ((given, unquote(segment)) for given, segment in zip(*ways, strict=True) if "{" in given or "+" in given)
    return any(
        (not each and "{" in given) or any(one.split(";")[0] in (".", "..") for one in re.split(r"[/\\]", each))
        for given, each in filled
    )
