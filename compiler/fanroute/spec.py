"""What a user may write in routes.yaml; nothing else. References and rules between values are in checks.py."""

import re
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fanroute_runtime.grip import CHANNEL_SEPARATORS, is_channel

# The language's version.
VERSION = 1

_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE | re.ASCII)
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
    wrong = next((c for c in value if c in "?#%{}\\" or c.isspace() or not c.isprintable()), None)
    if wrong:
        raise _wrong(f"a path has no {wrong!r}", "write the path decoded and without a query")
    if any(segment in (".", "..") for segment in value.split("/")):
        raise _wrong("a path has no '.' or '..' segments", "write the path as it is meant")
    return value


def _channel(value: str) -> str:
    if not is_channel(value) or "{" in value or "}" in value:
        raise _wrong(
            f"{value!r} is not a channel",
            f"use printable ASCII without {' '.join(CHANNEL_SEPARATORS)} {{ }} and without spaces around it",
        )
    return value


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


class Match(Model):
    host: Annotated[list[Host], BeforeValidator(_listed), Field(min_length=1)] | None = None
    path: Annotated[Text, AfterValidator(_path)] | None = None


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
