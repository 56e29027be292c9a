"""The values a user may write in routes.yaml: names, hosts, paths, channels, durations, each with what is wrong with another."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fanroute.spec.placeholders import is_regular_expression, parameter_name, suggest_segment
from fanroute.spec.template import PARAMETER, BadTemplate, parse
from fanroute_runtime.grip import MIN_TIMEOUT
from fanroute_runtime.plan import MAX_HOST, Template

TEMPLATE_SUGGESTION = "write '{name}' of the path, '{query.name}', '{header.name}' or '{claim.name}'"
# Longest duration, in seconds.
MAX_SECONDS = 3600
# Longest time that any browser keeps the answer to a preflight request, in seconds.
MAX_PREFLIGHT_AGE = 86_400

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# A method or the name of a header: a token of RFC 9110, 5.6.2.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
SIZE = re.compile(r"([0-9]{1,9})(B|KiB|MiB)")
# A path, or a scheme and a whole host: no client chooses the host.
_LOCATION_START = re.compile(r"/(?![/\\])|https?://[a-zA-Z0-9.-]+(:[0-9]+)?(/|\Z)")
# A '%' that encodes nothing by itself: with what follows it, a client could make it another character.
STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# Text of a segment that may be percent-encoded.
_ENCODED = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
NO_EXPRESSION = "a path is no regular expression: write '{name}' for a segment, and what it has to fit under 'where'"
# Paths whose last segment may be missing, as other routers have them.
_OPTIONAL = re.compile(r"(?P<before>/.*|)/(?::|\{|\[|<)(?P<name>[A-Za-z_]\w*)(?:\?\}|[\]>}]?\?)")
# Paths of which nothing else needs to be asked: of letters and digits, with one parameter at most.
_LITERALS = "(/[A-Za-z0-9_-]+)*"
_USUAL_PATH = re.compile(rf"(?=/){_LITERALS}(/{PARAMETER.pattern}{_LITERALS})?(/\*?)?")


class Model(BaseModel):
    """A mapping of known keys, of exactly the types given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a text in the file is: in words for the reference, and as a pattern of the whole text for editors."""

    words: str
    pattern: str = ""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "title": self.words} | ({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {})


def value_error(message: str, suggestion: str) -> PydanticCustomError:
    return PydanticCustomError("fanroute", "{message}", {"message": message, "suggestion": suggestion})


def as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def is_host(value: str) -> bool:
    """Whether a text is a host's name, or `*.` and one."""
    return _HOST.fullmatch(value.removeprefix("*.")) is not None and len(value) <= MAX_HOST


def _host(value: str) -> str:
    if not is_host(value):
        suggestion = "write a name, or '*.' and a name, without scheme, port and path"
        raise value_error(
            f"'{value}' is not a host", "leave 'host' out: without it, any host matches" if value == "*" else suggestion
        )
    return value


def _path(value: str) -> str:
    if _USUAL_PATH.fullmatch(value):
        return value
    expression = is_regular_expression(value)
    if not value.startswith("/"):
        suggestion = NO_EXPRESSION if expression else f"did you mean '/{value}'?"
        raise value_error(f"the path '{value}' does not begin with '/'", suggestion)
    if optional := _OPTIONAL.fullmatch(value):
        name = parameter_name(optional["name"])
        suggestion = f"write a route for '{optional['before'] or '/'}' and another for '{optional['before']}/{{{name}}}'"
        raise value_error("a path has no optional segment", suggestion)
    *before, last = (segment for segment in value.split("/") if suggest_segment(segment) is None or segment == "**")
    if any("*" in segment for segment in before) or ("*" in last and last != "*"):
        suggestion = NO_EXPRESSION if expression else "end the path with '/*'; one segment is '{name}'"
        raise value_error("a '*' in a path stands for the rest, and only at its end", suggestion)
    twice = next((name for name, count in Counter(PARAMETER.findall(value)).items() if count > 1), None)
    if twice:
        raise value_error(f"the parameter '{twice}' stands twice in the path", "give each its own name")
    segments = [segment for segment in value.split("/") if not PARAMETER.fullmatch(segment)]
    if any("{" in segment or "}" in segment for segment in segments):
        suggestion = "write '/{name}', in small letters, digits and '_'; what it has to fit is for 'where'"
        raise value_error("a parameter is a whole segment of the path", suggestion)
    odd = next((c for segment in segments for c in segment if c in "?#\\" or c.isspace() or not c.isprintable()), None)
    if odd:
        suggestion = f"write '{value.partition('?')[0]}', and 'query:' for parameters" if odd == "?" else "write the path decoded"
        raise value_error(f"a path has no {odd!r}", NO_EXPRESSION if expression else suggestion)
    decoded = [_decoded(segment) for segment in segments]
    if any(segment in (".", "..") for segment in decoded):
        raise value_error("a path has no '.' or '..' segments", "write the path as it is meant")
    return value


def _decoded(segment: str) -> str:
    """A segment's text: what is percent-encoded is decoded."""
    if not _ENCODED.fullmatch(segment):
        raise value_error(f"a '%' in {segment!r} encodes nothing", "write '%25' for a '%' itself")
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise value_error(f"{segment!r} is not UTF-8 when it is decoded", "write the character itself") from None
    if "/" in text:
        raise value_error(f"the segment {segment!r} has an encoded slash", "only '/*' takes such paths")
    return text


def template_of(value: str) -> Template:
    """A text with references, parsed."""
    try:
        return parse(value)
    except BadTemplate:
        raise value_error(f"{value!r} has a brace that is no parameter's", TEMPLATE_SUGGESTION) from None


def check_method(value: str) -> str:
    """Returns a method that a client can send, in any case."""
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not a method", "write GET")
    return value


def _method(value: str) -> str:
    if check_method(value) != value.upper():
        raise value_error(f"'{value}' is not a method", f"did you mean '{value.upper()}'?")
    return value


def _matched_method(value: str) -> str:
    if not TOKEN.fullmatch(value):
        several = [part for part in re.split(r"[\s,|]+", value) if part]
        are_methods = len(several) > 1 and all(map(TOKEN.fullmatch, several))
        raise value_error(f"'{value}' is not a method", f"write [{', '.join(several)}]" if are_methods else "write GET")
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise value_error(f"{value!r} is not a name", "begin with a letter; letters, digits, '-' and '_'; 63 at most")
    return value


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _local_url(value: str) -> str:
    return _url(value, lambda host: _HOST.fullmatch(host) or _is_ipv6(host))


def _url(value: str, is_host: Callable[[str], object] = _HOST.fullmatch) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    # urlsplit drops newlines and spaces at the ends.
    spaced = not value.isprintable() or " " in value
    if spaced or parts.scheme not in ("http", "https") or not is_host(host) or port == 0:
        raise value_error(f"{value!r} is not the URL of a backend", "write https://HOST or http://HOST, and a :PORT if needed")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise value_error("a backend's url has no path, query or user", "write the scheme, host and port only")
    return value


def _duration(value: Any) -> int:
    duration = DURATION.fullmatch(str(value))
    if not duration:
        raise value_error(f"'{value}' is not a duration", "write seconds, minutes or hours, as '25s', '2m' or '1h'")
    return int(duration.group(1)) * {"s": 1, "m": 60, "h": 3600}[duration.group(2)]


def at_least(seconds: int, most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not seconds <= value <= most:
            longest = f"{most // 60}m" if most <= MAX_SECONDS else f"{most // 3600}h"
            raise value_error("the duration is out of range", f"it is {seconds}s at least and {longest} at most")
        return value

    return check


def _location(value: str) -> str:
    shape = "".join(part if isinstance(part, str) else "{}" for part in template_of(value))
    spelt = value.isascii() and value.isprintable() and " " not in value and not STRAY_PERCENT.search(shape)
    if not _LOCATION_START.match(shape) or not spelt:
        raise value_error(
            f"{value!r} is not a location", "begin with '/', https://HOST/ or http://HOST/, percent-encoded, without spaces"
        )
    return value


def check_header_name(value: str) -> str:
    """Returns the name of a header."""
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not the name of a header", "use letters, digits and '-'")
    return value


def is_file_path(value: str) -> bool:
    """Whether a path leads from a folder to something within it."""
    parts = value.split("/")
    return value.isprintable() and "\\" not in value and all(part not in ("", "..") for part in parts)


def _file_path(value: str) -> str:
    if not is_file_path(value):
        raise value_error(
            f"{value!r} is not a path within the folder of routes.yaml", "write it as 'pages/hello.html', without '..'"
        )
    return value


def _size(value: Any) -> int:
    size = SIZE.fullmatch(str(value))
    if not size:
        raise value_error(
            f"'{value}' is not a size", "write bytes, or units of 1024 or 1024 × 1024, as '512B', '64KiB' or '1MiB'"
        )
    return int(size.group(1)) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[size.group(2)]


def no_duplicates(values: list[str]) -> list[str]:
    """A check of a list: no value stands twice."""
    twice = next((value for value, count in Counter(values).items() if count > 1), None)
    if twice is not None:
        raise value_error(f"'{twice}' stands twice", "leave one out")
    return values


def _line(value: str) -> str:
    if any(c in value for c in "\r\n\0"):
        raise value_error(f"{value!r} is more than one line", "leave out line breaks and NUL")
    return value


# A text that a variable of the environment completes.
_WITH_VARIABLE = r".*\$\{.*"

Text = Annotated[str, Field(strict=True)]
Host = Annotated[Text, AfterValidator(_host), Kind("a host", rf"(\*\.)?{_HOST.pattern}|{_WITH_VARIABLE}")]
Name = Annotated[Text, AfterValidator(_name), Kind("a name", _NAME.pattern)]
BackendName = Annotated[Name, Kind("a backend's name", _NAME.pattern)]
Method = Annotated[Text, AfterValidator(_method), Kind("a method", TOKEN.pattern.replace("a-z", ""))]
MatchedMethod = Annotated[Text, AfterValidator(_matched_method), Kind("a method", TOKEN.pattern)]
Parameter = Annotated[Text, Kind("a parameter")]
Pattern = Annotated[Text, Kind("a pattern", r"[\s\S]+")]
Url = Annotated[Text, AfterValidator(_url), Kind("a URL", rf"https?://.+|{_WITH_VARIABLE}")]
LocalUrl = Annotated[Text, AfterValidator(_local_url), Kind("a URL", rf"https?://.+|{_WITH_VARIABLE}")]
Path = Annotated[Text, AfterValidator(_path), Kind("a path", "/.*")]
FilePath = Annotated[Text, AfterValidator(_file_path), Kind("a path within the folder", r"[^/\\]+(/[^/\\]+)*")]
Location = Annotated[Text, AfterValidator(_location), Kind("a location", "(/|https?://).*")]
Line = Annotated[Text, AfterValidator(_line), Kind("one line", "[^\\r\\n]*")]
Duration = Annotated[int, BeforeValidator(_duration), Kind("a duration", DURATION.pattern)]
Size = Annotated[int, BeforeValidator(_size), Kind("a size", SIZE.pattern)]
Timeout = Annotated[
    Duration,
    AfterValidator(at_least(MIN_TIMEOUT, MAX_SECONDS)),
    Kind(f"a duration from {MIN_TIMEOUT}s to {MAX_SECONDS // 60}m", DURATION.pattern),
]
KeepAlive = Annotated[
    Duration,
    AfterValidator(at_least(1, MAX_SECONDS)),
    Kind(f"a duration from 1s to {MAX_SECONDS // 60}m", DURATION.pattern),
]
MaxAge = Annotated[
    Duration,
    AfterValidator(at_least(0, MAX_PREFLIGHT_AGE)),
    Kind(f"a duration of {MAX_PREFLIGHT_AGE // 3600}h at most", DURATION.pattern),
]
HeaderName = Annotated[Text, AfterValidator(check_header_name), Kind("a header", TOKEN.pattern)]
