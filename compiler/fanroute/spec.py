"""What a user may write in routes.yaml; nothing else. References and rules between values are in checks.py."""

import re
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from fanroute.template import PARAMETER, BadTemplate, parse
from fanroute_runtime.grip import CHANNEL_SEPARATORS, MAX_CHANNEL, is_channel

# The language's version.
VERSION = 1

# Headers that say nothing of the client's request on the second pass, and what to match instead.
UNMATCHED_HEADERS = {
    "host": "match on 'host:'",
    "upgrade": "match on 'websocket:'",
    "connection": "match on 'websocket:'",
    "content-type": "on a WebSocket's second pass it is Fanout's own",
    "content-length": "on a WebSocket's second pass it is Fanout's own",
    "transfer-encoding": "it belongs to one connection",
    "accept": "on a WebSocket's second pass it is Fanout's own",
}
UNMATCHED_PREFIXES = ("sec-websocket-", "grip-", "x-forwarded-")

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE | re.ASCII)
# A method or the name of a header: a token of RFC 9110, 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.IGNORECASE | re.ASCII)


def _wrong(message: str, mend: str) -> PydanticCustomError:
    return PydanticCustomError("fanroute", "{message}", {"message": message, "mend": mend})


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _version(value: int) -> int:
    if value != VERSION:
        raise _wrong(f"version {value} of the language is not known", f"write 'version: {VERSION}'")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value.removeprefix("*.")) or len(value) > 253:
        raise _wrong(f"'{value}' is not a host", "write a name, or '*.' and a name, without scheme, port and path")
    return value


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise _wrong(f"the path '{value}' does not begin with '/'", f"did you mean '/{value}'?")
    if "*" in value[:-1] or (value.endswith("*") and not value.endswith("/*")):
        raise _wrong("a '*' in a path stands for the rest, and only at its end", "end the path with '/*'")
    names = PARAMETER.findall(value)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise _wrong(f"the parameter '{twice}' stands twice in the path", "give each its own name")
    segments = [segment for segment in value.split("/") if not PARAMETER.fullmatch(segment)]
    if any("{" in segment or "}" in segment for segment in segments):
        raise _wrong("a parameter is a whole segment of the path", "write '/{name}', in small letters, digits and '_'")
    wrong = next((c for segment in segments for c in segment if c in "?#%\\" or c.isspace() or not c.isprintable()), None)
    if wrong:
        raise _wrong(f"a path has no {wrong!r}", "write the path decoded and without a query")
    if any(segment in (".", "..") for segment in value.split("/")):
        raise _wrong("a path has no '.' or '..' segments", "write the path as it is meant")
    return value


def _channel(value: str) -> str:
    try:
        shortest = "".join(part if isinstance(part, str) else "x" for part in parse(value))
    except BadTemplate:
        mend = "write '{name}' of the path, '{query.name}' or '{header.name}'"
        raise _wrong(f"{value!r} has a brace that is no parameter's", mend) from None
    if len(shortest) > MAX_CHANNEL:
        raise _wrong(f"the channel has more than {MAX_CHANNEL} characters", "choose a shorter one")
    if not is_channel(shortest):
        mend = f"use printable ASCII without {' '.join(CHANNEL_SEPARATORS)} and without spaces around it"
        raise _wrong(f"{value!r} is not a channel", mend)
    return value


def _method(value: str) -> str:
    if not _TOKEN.fullmatch(value) or value != value.upper():
        raise _wrong(f"'{value}' is not a method", f"did you mean '{value.upper()}'?" if _TOKEN.fullmatch(value) else "write GET")
    return value


def _header(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise _wrong(f"{value!r} is not the name of a header", "use letters, digits and '-'")
    name = value.lower()
    if name in UNMATCHED_HEADERS or name.startswith(UNMATCHED_PREFIXES):
        raise _wrong(f"'{value}' cannot be matched", UNMATCHED_HEADERS.get(name, "Fanout or the edge sets it"))
    return value


def _condition(value: Any) -> Any:
    return value if isinstance(value, dict) else {"values": _listed(value)}


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise _wrong(f"{value!r} is not a name", "begin with a letter; letters, digits, '-' and '_'; 63 at most")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or port == 0:
        raise _wrong(f"{value!r} is not the URL of a backend", "write https://HOST or http://HOST, and a :PORT if needed")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise _wrong("a backend's url has no path, query or user", "write the scheme, host and port only")
    return value


Text = Annotated[str, Field(strict=True)]
Host = Annotated[Text, AfterValidator(_host)]
Name = Annotated[Text, AfterValidator(_name)]
Channel = Annotated[Text, AfterValidator(_channel)]
Method = Annotated[Text, AfterValidator(_method)]
Header = Annotated[Text, AfterValidator(_header)]
Url = Annotated[Text, AfterValidator(_url)]


class Model(BaseModel):
    """A mapping of known keys, of exactly the types given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Service(Model):
    name: Name


class Backend(Model):
    """A server at `url`, or this service itself (`loopback: true`) under the name `host`."""

    url: Url | None = None
    local: Url | None = None
    loopback: Literal[True] | None = None
    host: Host | None = None


class Condition(Model):
    """What a header or query parameter must be: one of some values; or present or absent."""

    values: Annotated[list[Text], Field(min_length=1)] | None = None
    present: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "Condition":
        if (self.values is None) == (self.present is None):
            raise _wrong("a condition is either values or 'present'", "write one value, a list, or {present: true}")
        return self


class Match(Model):
    host: Annotated[list[Host], BeforeValidator(_listed), Field(min_length=1)] | None = None
    path: Annotated[Text, AfterValidator(_path)] | None = None
    method: Annotated[list[Method], BeforeValidator(_listed), Field(min_length=1)] | None = None
    scheme: Literal["http", "https"] | None = None
    websocket: bool | None = None
    header: dict[Header, Annotated[Condition, BeforeValidator(_condition)]] = {}
    query: dict[Text, Annotated[Condition, BeforeValidator(_condition)]] = {}


class HoldOn(Model):
    """A hold on one channel."""

    channel: Channel


class WebSocket(Model):
    channel: Channel
    echo: bool = False


class Respond(Model):
    status: Annotated[int, Field(ge=200, le=599)]
    body: Text = ""


class Route(Model):
    """One rule; exactly one of its actions is given."""

    name: Name | None = None
    match: Match = Match()
    handoff: Name | None = None
    stream: HoldOn | None = None
    sse: HoldOn | None = None
    long_poll: HoldOn | None = None
    websocket: WebSocket | None = None
    respond: Respond | None = None

    def actions(self) -> list[str]:
        """The names of the actions given."""
        return [name for name in ACTIONS if getattr(self, name) is not None]


# The actions that this service answers itself, asked by Fanout.
EDGE_ANSWERED = ("stream", "sse", "long_poll", "websocket")
ACTIONS = ("handoff", *EDGE_ANSWERED, "respond")


class Spec(Model):
    """A whole routes.yaml."""

    version: Annotated[int, AfterValidator(_version)]
    service: Service
    backends: Annotated[dict[Name, Backend], Field(min_length=1)]
    routes: Annotated[list[Route], Field(min_length=1)]


def keys_at(path: tuple[str | int, ...], annotation: Any = Spec) -> list[str]:
    """The keys known in the mapping at a path of routes.yaml; none where the path leads to no mapping of ours."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        fields = annotation.model_fields
        if not path:
            return list(fields)
        field = fields.get(str(path[0]))
        return keys_at(path[1:], field.annotation) if field else []
    inner = get_args(annotation)
    if get_origin(annotation) in (list, dict):
        return keys_at(path[1:], inner[-1]) if path else []
    return next((keys for keys in (keys_at(path, part) for part in inner) if keys), [])
