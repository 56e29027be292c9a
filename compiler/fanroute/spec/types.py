"""Defines the types of values in routes.yaml, such as hosts, paths and durations. Each says what is wrong with other values."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import IPv6Address
from math import ceil
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fanroute.diagnostics.printable import in_yaml, in_yaml_item, printable, quoted
from fanroute.spec.claim_names import fault_of_claim
from fanroute.spec.placeholders import is_regular_expression, parameter_name, suggest_rest, suggest_segment
from fanroute.spec.template import PARAMETER, REST, BadTemplate, parameter_names, parse_template
from fanroute_runtime.grip.instructions import MIN_TIMEOUT
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.plan import MAX_HOST, Bound, Template

# Longest duration, in seconds.
MAX_SECONDS = 3600
# Longest time for which any browser caches the answer to a preflight request, in seconds.
MAX_PREFLIGHT_AGE = 86_400

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# A token (RFC 9110, 5.6.2), such as a method or the name of a header.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
# A duration as other tools have it: days, hours, minutes, seconds and milliseconds, with the seconds of each unit.
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?"
_OTHER_DURATION = re.compile(
    rf"P?(?:{_NUMBER}d(?:ays?)?)? ?T?(?:{_NUMBER}h(?:(?:ou)?rs?)?)? ?(?:{_NUMBER}m(?:in(?:ute)?s?)?)? ?"
    rf"(?:{_NUMBER}s(?:ec(?:ond)?s?)?)? ?(?:{_NUMBER}(?:ms|milli(?:second)?s))?",
    re.IGNORECASE | re.ASCII,
)
_SECONDS = tuple(map(Fraction, ("86400", "3600", "60", "1", "1/1000")))
SIZE = re.compile(r"([0-9]{1,9})(B|KiB|MiB)")
# The beginning of a location: a path, or a scheme and a whole host. So no reference in it can choose the host.
# A location in which the host, or the whole path, can be a value of the request. And how others name the path of the request.
_CHOSEN = re.compile(r"(https?://)?(\{host\}|(?:\{\w+\}\.)?[A-Za-z0-9.-]*)([/{].*)?")
_REQUEST_PATH = re.compile(r"/?\{(?:path|uri|request_uri|url)\}")
# A host with a port, which can be in a URL.
_WITH_PORT = re.compile(r"(https?://)?([^/:]+:[0-9]+)(/.*)?")
_LOCATION_START = re.compile(r"/(?![/\\])|https?://[a-zA-Z0-9.-]+(:[0-9]+)?(/|\Z)")
# A '%' that encodes nothing. Before a reference, a client could make it encode a character of its choice.
STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# A path segment in which each '%' encodes a byte.
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
# Paths whose last segment is optional, in the syntax of other routers.
_OPTIONAL = re.compile(r"(?P<before>/.*|)/(?::|\{|\[|<)(?P<name>[A-Za-z_]\w*)(?:\?\}|[\]>}]?\?)")
# Paths that need no further check: letters and digits, with at most one parameter.
_LITERALS = "(/[A-Za-z0-9_-]+)*"
_USUAL_PATH = re.compile(rf"(?=/){_LITERALS}(/{PARAMETER.pattern}{_LITERALS})?(/\*?)?")

# A variable as shells, templates and Windows write it.
_OTHER_VARIABLE = re.compile(r"\$([A-Z_][A-Z0-9_]*)|\$?\{\{ *(?:env\.)?([A-Za-z_][A-Za-z0-9_]*) *\}\}|%([A-Z_][A-Z0-9_]*)%")

# A reference as other tools write it: `{{room}}`, `{{ request.query.id }}`, `${ROOM}`, `{Room}`, `{params.room}`.
_OTHER_REFERENCE = re.compile(
    r"\$?\{{1,2} *(?:request\.|req\.)?(?:params?[.:]|path[.:]|vars\.)?"
    r"((?:query|header|claim)\.)?([A-Za-z_][A-Za-z0-9_]*) *\}{1,2}"
)

_NO_REGULAR_EXPRESSION = "a path is not a regular expression: write '{name}' for a segment, and its pattern under 'where'"


class Model(BaseModel):
    """The base of all mappings with known keys.

    A docstring under each key describes it, in docs/reference.md and in the JSON Schema.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class TextFormat:
    """Describes a text in the JSON Schema: in words, by examples, and by a regular expression for the whole text.

    Without a `pattern`, any text fits.
    """

    words: str
    pattern: str = ""
    examples: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        pattern = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        examples = {"examples": list(self.examples)} if self.examples else {}
        return {"type": "string", "title": self.words, **pattern, **examples}


def with_example(example: dict[str, Any], **rules: Any) -> ConfigDict:
    """Returns the configuration of a model whose JSON Schema has an example, and rules that pydantic does not know."""
    return ConfigDict(json_schema_extra={"examples": [example], **rules})


def value_error(message: str, suggestion: str) -> PydanticCustomError:
    """Returns an error for a validator to raise. It is reported as FR204, at the value."""
    return PydanticCustomError("fanroute", "{message}", {"message": printable(message), "suggestion": printable(suggestion)})


def as_list(value: Any) -> Any:
    """Returns a list as it is, and any other value in a list: one item is short for a list of it."""
    return value if isinstance(value, list) else [value]


def no_duplicates(values: list[str]) -> list[str]:
    """Returns a list of different values. Raises an error if a value appears twice."""
    duplicate = next((value for value, count in Counter(values).items() if count > 1), None)
    if duplicate is not None:
        raise value_error(f"'{duplicate}' appears twice", "remove one of them")
    return values


def is_host(value: str) -> bool:
    """Returns True if a text is a host name, or `*.` and a host name."""
    return _HOST.fullmatch(value.removeprefix("*.")) is not None and len(value) <= MAX_HOST


def is_name(value: str) -> bool:
    """Returns True if a text can name a route, a backend or the service."""
    return NAME.fullmatch(value) is not None


def is_route_path(value: str) -> bool:
    """Returns True if a text can be the path of a match."""
    try:
        return _check_path(value) == value
    except PydanticCustomError:
        return False


def is_matched_host(value: str) -> bool:
    """Returns True if a text can be the host of a match."""
    return _accepts(_check_matched_host, value)


def is_address_path(value: str) -> bool:
    """Returns True if a text can be the path that a redirect or a backend's request gets. It can contain references."""
    return _accepts(_check_address_path, value)


def _accepts(check: Callable[[str], str], value: str) -> bool:
    """Returns True if a check raises no error for a text, and leaves it as it is."""
    try:
        return check(value) == value
    except PydanticCustomError:
        return False


def _check_host(value: str) -> str:
    if value == "*":
        raise value_error("'*' is not a host", "leave 'host' out: without it, any host matches")
    if not is_host(value):
        bare = re.sub(r"^[a-z]+://|(:[0-9]+)?(/.*)?$", "", value)
        meant = re.sub(r"^(\*(?!\.)|\.)", "*.", bare)
        suggestion = "write a host name, or '*.' and a host name, without scheme, port or path"
        raise value_error(f"'{value}' is not a host", f"did you mean '{meant}'?" if is_host(meant) else suggestion)
    return value


def check_one_host(value: str) -> str:
    """Returns the name of one host. Raises an error for anything else."""
    if not is_host(value) or value.startswith("*"):
        meant = re.sub(r"^[a-z]+://|(:[0-9]+)?(/.*)?$", "", value).lstrip("*.")
        suggestion = "write the name of one host, without '*', scheme, port or path"
        raise value_error(f"'{value}' is not one host", f"did you mean '{meant}'?" if is_host(meant) else suggestion)
    return value


def _check_matched_host(value: str) -> str:
    label, _, parent = value.partition(".")
    if PARAMETER.fullmatch(label) and _is_parent(parent):
        return value
    if "{" not in value and "}" not in value:
        instead = suggest_segment(label) if label[:1] in ":[<" else None
        if instead and _is_parent(parent):
            raise value_error(f"'{value}' is not a host", f"{instead} for the label before '.{parent}'")
        return _check_host(value)
    raise value_error(*_fault_of_parameter(value, [part for part in value.split(".") if "{" in part or "}" in part]))


def _is_parent(host: str) -> bool:
    """Returns True if a host can follow a label in place of the `*` in `*.`."""
    return not host.startswith("*") and is_host(f"*.{host}")


def _fault_of_parameter(host: str, braced: list[str]) -> tuple[str, str]:
    """Returns what is wrong with the braces in a host, and what to write. `braced` are its parts between dots with braces."""
    suggestion = "write '{tenant}.' and a host name: '{tenant}' is one label, and its pattern is under 'where'"
    if REST.search(host):
        return "a host has no rest", "write '{tenant}' for one label, or '*.' for any labels, which are not bound"
    if not all(map(PARAMETER.fullmatch, braced)):
        return "a parameter must be a whole label of the host, in lower-case letters, digits and '_'", suggestion
    if len(braced) > 1:
        return (
            "only one label of a host can be a parameter",
            "write the other ones, or '*.' for labels that are not bound",
        )
    if not host.startswith(braced[0]):
        return "only the first label of a host can be a parameter", suggestion
    return f"a host name must follow '{braced[0]}.'", f"write '{braced[0]}.example.com', without scheme, port or path"


def _suggest_path(value: str) -> str:
    """Suggests what to write in place of a path without a slash. It can be a URL, or a list without spaces after its dashes."""
    if value.startswith("-/"):
        return "write a space after '-', as in '- /a', for an item of a list"
    if straight := re.fullmatch("[“”„‘’](.*)[“”‘’]", value):
        return f"write '{straight[1]}' with straight quotes, or without any"
    scheme, is_url, rest = value.partition("://")
    host, _, path = rest.partition("/")
    return (
        f"write host: {in_yaml_item(host)} and path: {in_yaml_item(f'/{path}')}"
        if is_url and host and scheme
        else f"did you mean '/{value}'?"
    )


def _check_path(value: str) -> str:
    if _USUAL_PATH.fullmatch(value):
        return value
    is_expression = is_regular_expression(value)
    if not value.startswith("/"):
        suggestion = _NO_REGULAR_EXPRESSION if is_expression else _suggest_path(value)
        raise value_error(f"the path '{value}' does not begin with '/'", suggestion)
    if optional := _OPTIONAL.fullmatch(value):
        before, name = optional["before"], parameter_name(optional["name"])
        suggestion = f"write a route for '{before or '/'}' and another for '{before}/{{{name}}}'"
        raise value_error("a path cannot have an optional segment", suggestion)
    _check_rest(value, is_expression)
    duplicate = next((name for name, count in Counter(parameter_names(value)).items() if count > 1), None)
    if duplicate:
        raise value_error(f"the path has two parameters named '{duplicate}'", "give each a name of its own")
    segments = [segment for segment in value.split("/") if not PARAMETER.fullmatch(segment) and not REST.fullmatch(segment)]
    if any("{" in segment or "}" in segment for segment in segments):
        suggestion = "write '/{name}' in lower-case letters, digits and '_', and its pattern under 'where'"
        raise value_error("a parameter must be a whole segment of the path", suggestion)
    odd = next((c for segment in segments for c in segment if c in "?#\\" or c.isspace() or not c.isprintable()), None)
    if odd:
        suggestion = _NO_REGULAR_EXPRESSION if is_expression else _instead_of_character(odd, value)
        raise value_error(f"a path cannot contain {quoted(odd)}", suggestion)
    decoded = [_decode_segment(segment) for segment in segments]
    if any(segment in (".", "..") for segment in decoded):
        raise value_error("a path cannot have '.' or '..' segments", "write the path that they lead to")
    return value


def _check_exact_path(value: str) -> str:
    if value.endswith("/*") or any(map(PARAMETER.fullmatch, value.split("/"))) or REST.search(value):
        raise value_error(f"'{value}' is more than one path", "write one path, without '*' and parameters, such as '/-/healthz'")
    return value


def _check_rest(value: str, is_expression: bool) -> None:
    """Raises an error unless what stands for the rest of a path, if anything does, is a whole segment and the last one."""
    *others, end = value.split("/")
    if rest := next(filter(None, map(suggest_rest, [*others, end])), None):
        raise value_error("the rest of a path is not bound in this way", rest)
    if early := next(filter(REST.fullmatch, others), None):
        raise value_error(f"'{early}' can only be the last segment of a path", "write '{name}' for one segment")
    *before_last, last = (segment for segment in [*others, end] if suggest_segment(segment) is None or segment == "**")
    if any("*" in segment for segment in before_last) or ("*" in last and last != "*"):
        named = "/".join("{name}" if segment == "*" else segment for segment in others)
        is_one = "*" in others and "*" not in named and end != "*"
        suggestion = "end the path with '/*' for any rest; one segment is '{name}'"
        if is_one and others.count("*") == 1:
            suggestion = f"write '{named}/{end}' for one segment; only the end can be any rest"
        suggestion = _NO_REGULAR_EXPRESSION if is_expression else suggestion
        raise value_error("in a path, '*' can only be the last segment", suggestion)


def _instead_of_character(odd: str, path: str) -> str:
    if odd == "?":
        return f"write '{path.partition('?')[0]}', and 'query:' for parameters"
    return "write '/' between segments" if odd == "\\" else f"write it as '{quote(odd, errors='replace')}'"


def _decode_segment(segment: str) -> str:
    """Percent-decodes a segment. Raises an error if a client's path cannot have such a segment."""
    if not _ENCODED.fullmatch(segment):
        raise value_error(f"a '%' in {quoted(segment)} is not followed by two hexadecimal digits", "write '%25' for a '%' itself")
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise value_error(f"{quoted(segment)} does not decode to UTF-8", "write the character itself") from None
    if "/" in text:
        raise value_error(f"the segment {quoted(segment)} contains an encoded slash", "only '/*' matches such paths")
    return text


def template_of(value: str) -> Template:
    """Parses a text with references to the request. Raises an error for a stray brace."""
    try:
        template = parse_template(value)
    except BadTemplate:
        if rest := REST.search(value):
            raise value_error(f"'{rest[0]}' can only be in a path", f"write '{{{rest[1]}}}' here") from None
        suggestion = "write '{name}' for a path parameter, '{query.name}', '{header.name}' or '{claim.name}'"
        if other := _OTHER_REFERENCE.search(value):
            name = f"{other[1] or ''}{parameter_name(other[2])}"
            suggestion = f"write '{{{name}}}' in place of '{other[0]}'"
        raise value_error(f"{quoted(value)} has a brace that is not part of a reference", suggestion) from None
    for part in template:
        fault, suggestion = fault_of_claim(part.name) if isinstance(part, Bound) and part.source == "claim" else ("", "")
        if fault:
            raise value_error(fault, suggestion)
    return template


def check_method(value: str) -> str:
    """Returns a method that a client can send, in any case. Raises an error for anything else."""
    if not TOKEN.fullmatch(value):
        raise value_error(f"{quoted(value)} is not a method", "write a method such as GET")
    return value


def _check_upper_case_method(value: str) -> str:
    if check_method(value) != value.upper():
        raise value_error(f"'{value}' is not a method", f"did you mean '{value.upper()}'?")
    return value


def _check_matched_method(value: str) -> str:
    if not TOKEN.fullmatch(value):
        several = [part for part in re.split(r"[\s,|]+", value) if part]
        are_methods = len(several) > 1 and all(map(TOKEN.fullmatch, several))
        suggestion = f"write {in_yaml(several)}" if are_methods else "write a method such as GET"
        raise value_error(f"'{value}' is not a method", suggestion)
    return value


def check_name_of(value: str, is_sound: object, what: str) -> str:
    """Returns a name that is sound. Otherwise raises an error, which says what it is not: `a name`, `the name of a member`."""
    if not is_sound:
        suggestion = "begin with a letter, and use letters, digits, '-' and '_'; 63 characters at most"
        raise value_error(f"{quoted(value)} is not {what}", suggestion)
    return value


def _check_name(value: str) -> str:
    return check_name_of(value, is_name(value), "a name")


def _check_backend_name(value: str) -> str:
    """Checks the name of a backend. Other tools have an address in its place."""
    if re.fullmatch(r"[a-z]+://.+|[\w.-]+\.[\w.-]+(:[0-9]+)?(/.*)?|[\w-]+:[0-9]+", value):
        url = value if "://" in value else f"https://{value}"
        suggestion = f"name it under 'backends', as in 'origin: {{url: {url}}}', and write its name here"
        raise value_error(f"{quoted(value)} is an address, not the name of a backend", suggestion)
    return _check_name(value)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _check_local_url(value: str) -> str:
    return _check_url(value, lambda host: _HOST.fullmatch(host) or _is_ipv6(host))


def _check_url(value: str, is_host: Callable[[str], object] = _HOST.fullmatch) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    # urlsplit drops newlines, and spaces at both ends.
    has_space = not value.isprintable() or " " in value
    if has_space or parts.scheme not in ("http", "https") or not is_host(host) or port == 0:
        raise value_error(f"{quoted(value)} is not the URL of a backend", _suggest_url(value))
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        prefix = ", and a path in the actions, as in 'rewrite: {add_prefix: /v1}'" if parts.path not in ("", "/") else ""
        suggestion = f"write only the scheme, host and port{prefix}"
        raise value_error("a backend's url cannot have a path, query, fragment or user", suggestion)
    return value


def _suggest_url(value: str) -> str:
    """Suggests what to write in place of a text that is not the URL of a backend.

    A path or query is in no suggestion, because those of a variable's value would not be hidden.
    """
    if variable := _OTHER_VARIABLE.fullmatch(value):
        return f"write '${{{next(filter(None, variable.groups()))}}}' for a variable of the environment"
    scheme, has_scheme, rest = value.rpartition("://")
    host = re.split("[:/?#]", rest.removeprefix("//"), maxsplit=1)[0]
    if scheme.lower() in ("ws", "wss") and re.fullmatch(r"[^:/?#]+(?::[0-9]{1,5})?", rest) and is_host(host):
        secure = "s" if scheme.lower() == "wss" else ""
        return f"write http{secure}://{rest}: a WebSocket begins with a request of HTTP"
    if not has_scheme and is_host(host) and re.fullmatch(r"(?://)?[^:/?#]+(?::[0-9]{1,5})?", value):
        is_local = host in LOCAL_NAMES or ":" in value
        return f"write http{'' if is_local else 's'}://{value.lstrip('/')}"
    return "write https://HOST or http://HOST, with :PORT if needed"


def parse_duration(value: Any, least: int = 0, most: int = 10**9) -> int:
    """Returns the seconds of a duration, such as `2m`. Raises PydanticCustomError.

    `least` and `most` are limits for a duration in another form that is suggested. They are not for one in the right form.
    """
    duration = DURATION.fullmatch(str(value))
    if not duration:
        raise value_error(f"{quoted(value)} is not a duration", _suggest_duration(in_yaml(value), least, most))
    return int(duration.group(1)) * {"s": 1, "m": 60, "h": 3600}[duration.group(2)]


def _suggest_duration(text: str, least: int, most: int) -> str:
    """Suggests a duration in place of one in a form of other tools: `30`, `30 sec`, `30000ms`, `1h30m`, `1.5h`, `PT30S`."""
    parts = _OTHER_DURATION.fullmatch(f"{text}s" if text.isdecimal() else text)
    numbers = parts.groups() if parts else ()
    meant = ceil(sum(Fraction(number or 0) * unit for number, unit in zip(numbers, _SECONDS, strict=False)))
    if not meant:
        return "write seconds, minutes or hours, such as '25s', '2m' or '1h'"
    if not least <= meant <= most:
        return f"as one number and its unit it is '{_duration_text(meant)}', but {_limits(least, most)}"
    return f"write '{_duration_text(meant)}': a duration is one number and 's', 'm' or 'h'"


def _duration_text(seconds: int) -> str:
    """Returns a duration as it is written in routes.yaml, in the largest unit that has a whole number."""
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _limits(least: int, most: int) -> str:
    longest = f"{most // 60}m" if most <= MAX_SECONDS else f"{most // 3600}h"
    return f"write at least {least}s and at most {longest}"


def duration_between(least: int, most: int) -> BeforeValidator:
    """Returns the validator of a duration. Both limits are in seconds and belong to the range."""

    def check(value: Any) -> int:
        seconds = parse_duration(value, least, most)
        if not least <= seconds <= most:
            raise value_error("the duration is out of range", _limits(least, most))
        return seconds

    return BeforeValidator(check)


def _check_location(value: str) -> str:
    shape = "".join(part if isinstance(part, str) else "{}" for part in template_of(value))
    is_encoded = value.isascii() and value.isprintable() and " " not in value and not STRAY_PERCENT.search(shape)
    if not _LOCATION_START.match(shape) or not is_encoded:
        suggestion = "begin with '/', https://HOST/ or http://HOST/, and percent-encode spaces and special characters"
        if instead := _suggest_location(value):
            suggestion = instead
        elif is_host(host := value.partition("/")[0]):
            suggestion = f"write 'https://{value}'" if "." in host else f"write '/{value}'"
        raise value_error(f"{quoted(value)} is not a location", suggestion)
    return value


def _suggest_location(value: str) -> str:
    """Suggests what to write in place of a location whose host or whole path is a value of the request. Returns "" for others."""
    found = _CHOSEN.fullmatch(value)
    if not found or "{" not in value:
        return ""
    scheme, host, rest = found[1] or "", found[2], found[3] or ""
    if _REQUEST_PATH.fullmatch(rest):
        target = {"host": host if _is_target_host(host) else "HOST"}
        return f"write redirect: {in_yaml(target)}, which keeps the path and the query"
    if host == "{host}" and rest[:1] in ("", "/"):
        return f"write '{rest or '/'}', which stays at the request's host"
    if rest.startswith("{") and host and "{" not in host:
        return f"write '{scheme}{host}/{rest}'"
    if "{" in host and _is_target_host(host):
        return f"write redirect: {in_yaml({'host': host} | ({'path': rest} if rest else {}))}"
    return ""


def _is_target_host(value: str) -> bool:
    return bool(value) and _accepts(_check_target_host, value)


def _check_address_path(value: str) -> str:
    """Checks a path that a redirect or a backend's request gets. It can contain references."""
    shape = "".join(part if isinstance(part, str) else "{}" for part in template_of(value))
    odd = next((c for c in shape if c in "?#\\ " or not (c.isascii() and c.isprintable())), None)
    if not shape.startswith("/") or shape.startswith("//"):
        raise value_error(f"{quoted(value)} is not a path that can be sent", f"write '/{value.lstrip('/')}'")
    if odd or STRAY_PERCENT.search(shape):
        suggestion = "percent-encode spaces and special characters, and leave out a query"
        raise value_error(f"a path that is sent cannot contain {quoted(odd or '%')}", suggestion)
    if any(unquote(segment) in (".", "..") for segment in shape.split("/")):
        raise value_error("a path cannot have '.' or '..' segments", "write the path that they lead to")
    return value


def _check_path_prefix(value: str) -> str:
    if _check_address_path(value).endswith("/"):
        suggestion = f"write '{value.rstrip('/')}'" if value.rstrip("/") else "write the beginning of a path, such as '/v2'"
        raise value_error("a prefix ends without '/'", suggestion)
    return value


def _check_target_host(value: str) -> str:
    label, _, parent = value.partition(".")
    if PARAMETER.fullmatch(label) and _is_parent(parent):
        return value
    if with_port := _WITH_PORT.fullmatch(value):
        suggestion = f'write redirect: {{location: "{with_port[1] or "https://"}{with_port[2]}{with_port[3] or "/…"}"}}'
        if "{" in value:
            suggestion = "leave it out: only a location can have a port, and its host cannot be chosen by a request"
        raise value_error("the host of a redirect has no port", suggestion)
    if "{" in value:
        suggestion = "write a host name, or '{tenant}.example.com' with the name that the match binds in its 'host'"
        raise value_error("a request can choose only the first label of the host", suggestion)
    return check_one_host(value)


def check_header_name(value: str) -> str:
    """Returns the name of a header, in any case. Raises an error for anything else."""
    if not TOKEN.fullmatch(value):
        raise value_error(f"{quoted(value)} is not the name of a header", "use letters, digits and '-'")
    return value


def is_file_path(value: str) -> bool:
    """Returns True if a relative path leads to something within its folder."""
    parts = value.split("/")
    return value.isprintable() and "\\" not in value and all(part not in ("", "..") for part in parts)


def _file_path(example: str) -> AfterValidator:
    """Returns the validator of a path of a file, which suggests one like the example."""

    def check(value: str) -> str:
        if not is_file_path(value):
            suggestion = f"write it relative to that folder, such as '{example}', without '..'"
            raise value_error(f"{quoted(value)} is not a path within the folder of routes.yaml", suggestion)
        return value

    return AfterValidator(check)


def _parse_size(value: Any) -> int:
    size = SIZE.fullmatch(str(value))
    if not size:
        if other := re.fullmatch(r"([0-9]{1,9}) ?([kKmM]?)i?[bB]?", str(value)):
            unit = {"": "B", "k": "KiB", "m": "MiB"}[other[2].lower()]
            raise value_error(f"{quoted(value)} is not a size", f"did you mean '{other[1]}{unit}'?")
        suggestion = "write bytes, or units of 1024 or 1024 × 1024 bytes, such as '512B', '64KiB' or '1MiB'"
        raise value_error(f"{quoted(value)} is not a size", suggestion)
    return int(size.group(1)) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[size.group(2)]


def _check_line(value: str) -> str:
    if any(c in value for c in "\r\n\0"):
        raise value_error(f"{quoted(value)} is not one line of text", "remove line breaks and NUL")
    return value


# Methods that editors propose. A route can match any other (RFC 9110, 9.3, and RFC 5789).
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# The pattern, for editors, of a text with a variable of the environment.
_WITH_VARIABLE = r".*\$\{.*"


def _check_true(value: Any) -> Any:
    """Returns any value but 1 as it is. In Python, 1 is equal to True, so it would be taken."""
    return "1" if value == 1 and value is not True else value


Text = Annotated[str, Field(strict=True)]
# A key that is there or not.
OnlyTrue = Annotated[Literal[True], BeforeValidator(_check_true, json_schema_input_type=Literal[True])]
Host = Annotated[
    Text, AfterValidator(_check_host), TextFormat("a host", rf"(\*\.)?{_HOST.pattern}|{_WITH_VARIABLE}", ("chat.example.com",))
]
_MATCHED_HOST = rf"(\*\.|{PARAMETER.pattern}\.)?{_HOST.pattern}|{_WITH_VARIABLE}"
RenamedHost = Annotated[Text, AfterValidator(_check_matched_host), TextFormat("a host", _MATCHED_HOST, ("chat.example.com",))]
MatchedHost = Annotated[
    RenamedHost, TextFormat("a host", _MATCHED_HOST, ("chat.example.com", "*.example.com", "{tenant}.example.com"))
]
Name = Annotated[Text, AfterValidator(_check_name), TextFormat("a name", NAME.pattern)]
BackendName = Annotated[Text, AfterValidator(_check_backend_name), TextFormat("a backend's name", NAME.pattern, ("origin",))]
Method = Annotated[
    Text, AfterValidator(_check_upper_case_method), TextFormat("a method", TOKEN.pattern.replace("a-z", ""), METHODS)
]
MatchedMethod = Annotated[Text, AfterValidator(_check_matched_method), TextFormat("a method", TOKEN.pattern, METHODS)]
Parameter = Annotated[Text, TextFormat("a parameter")]
Pattern = Annotated[Text, TextFormat("a pattern", r"[\s\S]+", ("[0-9]+", "[a-z0-9-]+"))]
Url = Annotated[
    Text, AfterValidator(_check_url), TextFormat("a URL", rf"https?://.+|{_WITH_VARIABLE}", ("https://app.example.com",))
]
LocalUrl = Annotated[
    Text, AfterValidator(_check_local_url), TextFormat("a URL", rf"https?://.+|{_WITH_VARIABLE}", ("http://localhost:3000",))
]
RoutePath = Annotated[
    Text, AfterValidator(_check_path), TextFormat("a path", "/.*", ("/rooms/{room}", "/public/*", "/files/{rest...}"))
]
ExactPath = Annotated[
    Text, AfterValidator(_check_path), AfterValidator(_check_exact_path), TextFormat("one path", "/[^*{}]*", ("/-/healthz",))
]
_FILE_FORMAT = TextFormat("a path within the folder", r"[^/\\]+(/[^/\\]+)*", ("pages/hello.html",))
FilePath = Annotated[Text, _file_path("pages/hello.html"), _FILE_FORMAT]
KeyPath = Annotated[Text, _file_path("keys/tokens.pem"), _FILE_FORMAT]
IncludedPath = Annotated[Text, _file_path("teams/chat.yaml"), _FILE_FORMAT]
Location = Annotated[
    Text,
    AfterValidator(_check_location),
    TextFormat("a location", "(/|https?://).*", ("/", "https://www.example.com/rooms/{room}")),
]
AddressPath = Annotated[
    Text, AfterValidator(_check_address_path), TextFormat("a path that is sent", "/([^/?#].*)?", ("/", "/v2/rooms/{room}"))
]
PathPrefix = Annotated[Text, AfterValidator(_check_path_prefix), TextFormat("the beginning of a path", "/[^?#]*[^/?#]")]
OneHost = Annotated[
    Text,
    AfterValidator(check_one_host),
    TextFormat("a host", rf"{_HOST.pattern}|{_WITH_VARIABLE}", ("chat.example.com",)),
]
TargetHost = Annotated[
    Text,
    AfterValidator(_check_target_host),
    TextFormat("a host", rf"({PARAMETER.pattern}\.)?{_HOST.pattern}", ("www.example.com",)),
]
Line = Annotated[Text, AfterValidator(_check_line), TextFormat("one line", "[^\\r\\n]*")]
HeaderName = Annotated[Text, AfterValidator(check_header_name), TextFormat("a header", TOKEN.pattern)]
Timeout = Annotated[
    int,
    duration_between(MIN_TIMEOUT, MAX_SECONDS),
    TextFormat(f"a duration from {MIN_TIMEOUT}s to {MAX_SECONDS // 60}m", DURATION.pattern, ("25s", "2m", "1h")),
]
KeepAlive = Annotated[
    int,
    duration_between(1, MAX_SECONDS),
    TextFormat(f"a duration from 1s to {MAX_SECONDS // 60}m", DURATION.pattern, ("25s", "2m", "1h")),
]
MaxAge = Annotated[
    int,
    duration_between(0, MAX_PREFLIGHT_AGE),
    TextFormat(f"a duration of {MAX_PREFLIGHT_AGE // 3600}h at most", DURATION.pattern, ("10m", "24h")),
]
# In bytes.
Size = Annotated[int, BeforeValidator(_parse_size), TextFormat("a size", SIZE.pattern)]
