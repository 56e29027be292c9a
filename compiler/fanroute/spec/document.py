"""What a user may write in routes.yaml; nothing else. References and rules between values are in the room `rules`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from fanroute.spec.actions import ACTIONS, ForwardTo, HandoffTo, LongPoll, Redirect, Respond, Sse, Status, Stream, WebSocket
from fanroute.spec.auth import Auth
from fanroute.spec.cors import Cors, Origins
from fanroute.spec.headers import AnswerHeaders, HeaderValue, RequestHeaders, ResponseHeaders
from fanroute.spec.keys import ProxyKey
from fanroute.spec.match import Match
from fanroute.spec.sandbox import Sandbox
from fanroute.spec.types import BackendName, Host, KeepAlive, Kind, LocalUrl, Model, Name, Text, Url, as_list, value_error
from fanroute.syntax.variables import NAMES

# The language's version.
VERSION = 1


def _version(value: int) -> int:
    if value != VERSION:
        raise value_error(f"version {value} of the language is not known", f"write 'version: {VERSION}'")
    return value


def _variable(value: str) -> str:
    if not NAMES.fullmatch(value):
        raise value_error(f"{value!r} is not the name of a variable", "write a name, or how names begin and '*', as 'APP_*'")
    return value


Variables = Annotated[Text, AfterValidator(_variable), Kind("a variable", NAMES.pattern)]


def default_domain(service: str) -> str:
    """The domain of a service that has none of its own, by the service's name."""
    return f"{service.lower().replace('_', '-')}.edgecompute.app"


class Service(Model):
    """The Fastly service."""

    name: Name
    """Its name, and by default its domain: NAME.edgecompute.app."""


class Fallback(Model):
    """What the edge answers in place of a backend that cannot be reached."""

    status: Status | None = None
    """The answer's status; if not given, 502, or 504 where the backend did not answer in time."""
    content_type: HeaderValue = "text/plain; charset=utf-8"
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Headers of the answer."""
    body: Text = ""
    """The answer's content."""


class Backend(Model):
    """A server at `url`, or this service itself (`loopback: true`) under the name `host`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["url"]}, {"required": ["loopback"]}],
            "dependentRequired": {"local": ["url"], "strict_paths": ["url"], "host": ["loopback"]},
        }
    )

    url: Url | None = None
    """Scheme, host and port of a server of yours."""
    local: LocalUrl | None = None
    """Where that server is while you develop; without it, an embedded origin takes its place."""
    strict_paths: Literal[True] | None = None
    """Says that the server does not change paths: it does not read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as
    `/a`."""
    loopback: Literal[True] | None = None
    """This service itself, asked by Fanout; needed for what the edge answers."""
    host: Host | None = None
    """The domain that this service is published under."""
    fallback: Fallback | None = None
    """What a client gets where the edge cannot reach the backend, instead of a line that says so."""


class Fanout(Model):
    """How the edge knows Fanout, which asks it in the clients' place."""

    grip_sig: Literal["verify", "present", "none"] = "verify"
    """`verify`: by a Grip-Sig that Fastly has signed for this service, or the holder of one of `keys`; `present`: by any;
    `none`: by a Grip-Feature, which a proxy sends that signs nothing. With these two, whoever sends the header is believed."""
    keys: Annotated[list[ProxyKey], BeforeValidator(as_list)] = Field(default_factory=list)
    """Keys of GRIP proxies of your own, besides Fastly's."""


Choice = Literal["reject", "keep"]


class Paths(Model):
    """Paths that Fanout or your backends may read differently than the edge.

    With `reject` such a request gets a 400 before any route is tried. With `keep` the path is matched as it is.
    """

    dot_segments: Choice = "reject"
    """A segment `.` or `..`, alone or before a `;`. Many servers resolve it, and so does Fanout."""
    backslashes: Choice = "reject"
    """A backslash. Some servers read it as a slash."""
    controls: Choice = "reject"
    """A control character of ASCII: a byte below 0x20, or 0x7F. Some servers end a path there."""
    empty_segments: Choice = "keep"
    """Two slashes in a row, not encoded. Some servers read them as one."""
    encoded_slashes: Choice = "keep"
    """`%2F`. Some servers read it as a slash between two segments."""
    parameters: Choice = "keep"
    """A `;`. Some servers ignore the rest of the segment."""


def _one_action(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [action]} for action in ACTIONS]


class Route(Model):
    """One rule; exactly one of its actions is given."""

    model_config = ConfigDict(json_schema_extra=_one_action)

    name: Name | None = None
    """What it is called in messages; stands once."""
    match: Match = Match()
    """Which requests it is for; without it, any."""
    auth: Auth | None = None
    """Which token a client needs."""
    public: Literal[True] | None = None
    """That it is meant for anybody, whatever token `defaults` ask for."""
    handoff: HandoffTo | None = None
    """The backend's answer, through Fanout: the backend may hold the connection with GRIP instructions."""
    forward: ForwardTo | None = None
    """The backend's answer, without Fanout."""
    tunnel: BackendName | None = None
    """A WebSocket of the backend's, without Fanout; needs Fastly's WebSockets on the service."""
    stream: Stream | None = None
    """An open answer that grows by what is published."""
    sse: Sse | None = None
    """The same as server-sent events."""
    long_poll: LongPoll | None = None
    """An answer that waits for what is published."""
    websocket: WebSocket | None = None
    """A WebSocket that gets what is published."""
    respond: Respond | None = None
    """An answer of the edge's own."""
    redirect: Redirect | None = None
    """A redirection elsewhere."""
    origins: Origins | None = None
    """Of which other origins pages may open a WebSocket by `websocket`, `tunnel` or `handoff`: as under `cors`; `"*"` is any."""
    request_headers: RequestHeaders | None = None
    """What is done with the request's headers before the backend gets them, for `handoff`, `forward` and `tunnel`."""
    response_headers: ResponseHeaders | None = None
    """What is done with the answer's headers before the client gets them, for `forward` and what the edge answers."""

    def actions(self) -> list[str]:
        """The names of the actions given."""
        return [name for name in ACTIONS if getattr(self, name) is not None]


def default_name(index: int) -> str:
    """What a route without a name is called, by its index."""
    return f"route-{index + 1}"


class Defaults(Model):
    """What routes have that say nothing else, each key for those whose action takes it."""

    cors: Cors | None = None
    """Which pages of other origins may read the answers."""
    keep_alive: KeepAlive | None = None
    """After how long without a message something is sent that nobody sees."""
    auth: Auth | None = None
    """Which token a client needs, of routes that are not `public`."""
    origins: Origins | None = None
    """Of which other origins pages may open a WebSocket."""
    request_headers: RequestHeaders | None = None
    """What is done with headers of requests; together with a route's own, which count where both name one."""
    response_headers: ResponseHeaders | None = None
    """What is done with headers of answers; together with a route's own, which count where both name one."""


class Spec(Model):
    """A whole routes.yaml."""

    version: Annotated[int, AfterValidator(_version), Field(json_schema_extra={"const": VERSION})]
    """The language's version: 1."""
    service: Service
    """What is published."""
    environment: Annotated[list[Variables], BeforeValidator(as_list)] | None = None
    """The variables of the build's environment that `${NAME}` may use: names, or the beginning of names and `*`, as `APP_*`.
    Without it, any."""
    backends: Annotated[dict[Name, Backend], Field(min_length=1)]
    """What can be asked, by name."""
    fanout: Fanout = Fanout()
    """How the edge knows Fanout."""
    paths: Paths = Paths()
    """Which paths are refused because another server may read them differently."""
    sandbox: Sandbox = Sandbox()
    """Until when a sandbox takes one request after another."""
    defaults: Defaults = Defaults()
    """What routes have that say nothing else."""
    routes: Annotated[list[Route], Field(min_length=1)]
    """The rules, in order: the first that matches wins."""
