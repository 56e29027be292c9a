"""What a user may write in routes.yaml; nothing else. References and rules between values are in checks.py."""

from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fanroute.values import (
    Channel,
    Header,
    HeaderValue,
    Host,
    KeepAlive,
    Location,
    Method,
    Name,
    Path,
    ResponseHeaders,
    Text,
    Timeout,
    Url,
    listed,
    wrong,
)
from fanroute_runtime.grip import MAX_CHANNELS

# The language's version.
VERSION = 1


def _version(value: int) -> int:
    if value != VERSION:
        raise wrong(f"version {value} of the language is not known", f"write 'version: {VERSION}'")
    return value


def _condition(value: Any) -> Any:
    return value if isinstance(value, dict) else {"values": listed(value)}


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
            raise wrong("a condition is either values or 'present'", "write one value, a list, or {present: true}")
        return self


class Match(Model):
    host: Annotated[list[Host], BeforeValidator(listed), Field(min_length=1)] | None = None
    path: Path | None = None
    method: Annotated[list[Method], BeforeValidator(listed), Field(min_length=1)] | None = None
    scheme: Literal["http", "https"] | None = None
    websocket: bool | None = None
    header: dict[Header, Annotated[Condition, BeforeValidator(_condition)]] = {}
    query: dict[Text, Annotated[Condition, BeforeValidator(_condition)]] = {}


Channels = Annotated[list[Channel], BeforeValidator(listed), Field(min_length=1, max_length=MAX_CHANNELS)]


class Stream(Model):
    """A stream that begins with `body`; with `keep_alive`, something is sent after that time without a message."""

    channel: Channels
    content_type: HeaderValue = "text/plain"
    headers: ResponseHeaders = {}
    body: Text = ""
    keep_alive: KeepAlive | None = None


class Sse(Model):
    """A stream of server-sent events."""

    channel: Channels
    headers: ResponseHeaders = {}
    body: Text = ""
    keep_alive: KeepAlive | None = None


class OnTimeout(Model):
    """What a long-poll gets in the end, if nothing was published."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    body: Text = ""


class LongPoll(Model):
    channel: Channels
    content_type: HeaderValue = "text/plain"
    headers: ResponseHeaders = {}
    timeout: Timeout | None = None
    on_timeout: OnTimeout = OnTimeout()


class WebSocket(Model):
    channel: Channels
    echo: bool = False


class Respond(Model):
    status: Annotated[int, Field(ge=200, le=599)]
    content_type: HeaderValue = "text/plain; charset=utf-8"
    headers: ResponseHeaders = {}
    body: Text = ""


class Redirect(Model):
    location: Location
    status: Literal[301, 302, 303, 307, 308] = 302


class Route(Model):
    """One rule; exactly one of its actions is given."""

    name: Name | None = None
    match: Match = Match()
    handoff: Name | None = None
    stream: Stream | None = None
    sse: Sse | None = None
    long_poll: LongPoll | None = None
    websocket: WebSocket | None = None
    respond: Respond | None = None
    redirect: Redirect | None = None

    def actions(self) -> list[str]:
        """The names of the actions given."""
        return [name for name in ACTIONS if getattr(self, name) is not None]


# The actions that this service answers itself, asked by Fanout.
EDGE_ANSWERED = ("stream", "sse", "long_poll", "websocket")
ACTIONS = ("handoff", *EDGE_ANSWERED, "respond", "redirect")


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
