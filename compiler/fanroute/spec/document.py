"""Defines the top of routes.yaml: the Spec, its settings, and its routes. Checks across several values are in `rules`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.spec.actions import (
    ACTIONS,
    ForwardTo,
    HandoffTo,
    LongPoll,
    RedirectTo,
    Respond,
    Sse,
    Status,
    Stream,
    TunnelTo,
    WebSocket,
)
from fanroute.spec.auth import Audience, AuthOrProfile, ClientKey, Profile, ProfileName
from fanroute.spec.backend_options import SERVER_OPTIONS, BackendTimeout
from fanroute.spec.cors import Cors, Origins
from fanroute.spec.headers import AnswerHeaders, HeaderValue, RequestHeaders, ResponseHeaders
from fanroute.spec.keys import EntryName, Issuer, ProxyKey
from fanroute.spec.logs import Logs
from fanroute.spec.match import Match
from fanroute.spec.publishing import Publish, Publishing
from fanroute.spec.rate_limits import Limit
from fanroute.spec.sandbox import Sandbox
from fanroute.spec.template import label_name
from fanroute.spec.types import (
    BackendName,
    ExactPath,
    Host,
    IncludedPath,
    KeepAlive,
    LocalUrl,
    Model,
    Name,
    OneHost,
    OnlyTrue,
    RenamedHost,
    Text,
    TextFormat,
    Url,
    as_list,
    value_error,
    with_example,
)
from fanroute.syntax.variables import NAMES

# The version of the language.
VERSION = 1


def _check_version(value: int) -> int:
    if value != VERSION:
        raise value_error(f"version {value} of the language does not exist", f"write 'version: {VERSION}'")
    return value


def _check_variable(value: str) -> str:
    if not NAMES.fullmatch(value):
        suggestion = "write a name, or the beginning of names and '*', such as 'APP_*'"
        raise value_error(f"{quoted(value)} is not the name of a variable", suggestion)
    return value


def check_environment(value: str) -> str:
    """Returns the name of an environment, or `production`. Raises an error for anything else."""
    if not _ENVIRONMENT.fullmatch(value):
        suggestion = "begin with a lower-case letter, and use lower-case letters, digits, '-' and '_'; 63 characters at most"
        raise value_error(f"{quoted(value)} is not the name of an environment", suggestion)
    return value


def _check_further_environment(value: str) -> str:
    if value == PRODUCTION:
        raise value_error(f"'{PRODUCTION}' is the file itself", "write its values in the file, outside of 'environments'")
    return check_environment(value)


# What the file is without any of its `environments`.
PRODUCTION = "production"
# Limits how often a file is compiled to check it.
MAX_ENVIRONMENTS = 16
# Part of a file's name, and some file systems do not tell upper from lower case.
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
EnvironmentName = Annotated[
    Text,
    AfterValidator(_check_further_environment),
    TextFormat("an environment's name", f"(?!{PRODUCTION}$){_ENVIRONMENT.pattern}", ("staging",)),
]
VariableName = Annotated[Text, AfterValidator(_check_variable), TextFormat("a variable", NAMES.pattern, ("APP_*",))]


# Services without a domain of their own have one below this.
DEFAULT_DOMAIN = "edgecompute.app"


def default_domain(service: str) -> str:
    """Returns the domain of a service for which routes.yaml names none."""
    return f"{service.lower().replace('_', '-')}.{DEFAULT_DOMAIN}"


class Service(Model):
    """The Fastly service."""

    model_config = with_example({"name": "chat-edge"})

    name: Name = Field(examples=["chat-edge"])
    """The service's name. It also gives the default domain, NAME.edgecompute.app."""


class Fallback(Model):
    """The edge's answer if it cannot reach the backend."""

    model_config = with_example({"status": 503, "body": "Please try again in a minute."})

    status: Status | None = None
    """The answer's status. If not given, 502, or 504 if the backend did not answer in time."""
    content_type: HeaderValue = "text/plain; charset=utf-8"
    """The answer's media type."""
    headers: AnswerHeaders = Field(default_factory=dict)
    """Further headers of the answer."""
    body: Text = ""
    """The answer's content."""


class Backend(Model):
    """A server at `url`, or this service itself (`loopback: true`) at the domain `host`."""

    model_config = with_example(
        {"url": "https://app.example.com", "local": "http://localhost:3000"},
        oneOf=[{"required": ["url"]}, {"required": ["loopback"]}],
        dependentRequired={
            **{key: ["url"] for key in ("local", "strict_paths", *SERVER_OPTIONS)},
            "host": ["loopback"],
        },
    )

    url: Url | None = None
    """Scheme, host and port of your server, such as `https://app.example.com`."""
    connect_timeout: BackendTimeout | None = None
    """Limits how long Fastly waits for a connection to the server. If not given, 1 s."""
    first_byte_timeout: BackendTimeout | None = None
    """Limits how long Fastly waits for the beginning of an answer. If not given, 15 s."""
    between_bytes_timeout: BackendTimeout | None = None
    """Limits how long an answer may pause. If not given, 10 s."""
    override_host: OneHost | None = None
    """The `Host` that the server gets. If not given, the host of `url`, or locally that of the client."""
    certificate_host: OneHost | None = None
    """The name that the server's certificate must have. If not given, the host of `url`."""
    sni_host: OneHost | None = None
    """The name that the server is asked for with TLS (SNI). If not given, the host of `url`."""
    local: LocalUrl | None = None
    """Tells local edges where the server is while you develop. If not given, an embedded origin takes its place."""
    strict_paths: OnlyTrue | None = None
    """States that the server does not change paths: it does not read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as
    `/a`."""
    loopback: OnlyTrue | None = None
    """Makes this service itself the backend, for Fanout to ask. Needed for `stream`, `sse`, `long_poll` and `websocket`."""
    host: Host | None = None
    """The domain under which this service is published. If not given, the default domain of `service`."""
    fallback: Fallback | None = None
    """The answer if the edge cannot reach the backend. If not given, a line of text that says so."""


class Fanout(Model):
    """Says how the edge recognizes requests from Fanout, which asks it on behalf of clients."""

    model_config = with_example({"keys": {"algorithm": "ES256", "file": "keys/proxy.pem", "issuer": "my-proxy"}})

    grip_sig: Literal["verify", "present", "none"] = "verify"
    """`verify` accepts a Grip-Sig that is signed by Fastly for this service, or with one of `keys`. `present` accepts any
    Grip-Sig. `none` accepts a Grip-Feature, for a proxy that signs nothing. With these two, anybody who sends the header is
    believed."""
    keys: Annotated[list[ProxyKey], BeforeValidator(as_list)] = Field(default_factory=list)
    """Keys of your own GRIP proxies, accepted besides Fastly's."""


class Debug(Model):
    """Tells a client which route its request has, and why it is refused, if the client sends a secret in `Fanroute-Debug`."""

    model_config = with_example({"secret_store": "keys", "name": "debug"})

    secret_store: EntryName
    """The secret store that holds the secret, by the name under which it is linked to the service."""
    name: EntryName
    """The name of the secret in its store. The secret must have at least 32 characters, all of them printable ASCII."""


RejectOrKeep = Literal["reject", "keep"]


class Paths(Model):
    """Paths that Fanout or your backends may read differently than the edge.

    With `reject` such a request gets a 400 before any route is tried. With `keep` the path is matched as it is.
    """

    model_config = with_example({"empty_segments": "reject", "encoded_slashes": "reject"})

    dot_segments: RejectOrKeep = "reject"
    """A segment `.` or `..`, alone or before a `;`. Many servers resolve it, and so does Fanout."""
    backslashes: RejectOrKeep = "reject"
    """A backslash. Some servers read it as a slash."""
    controls: RejectOrKeep = "reject"
    """A control character of ASCII: a byte below 0x20, or 0x7F. Some servers end a path there."""
    empty_segments: RejectOrKeep = "keep"
    """Two slashes in a row, not encoded. Some servers read them as one."""
    encoded_slashes: RejectOrKeep = "keep"
    """`%2F`. Some servers read it as a slash between two segments."""
    parameters: RejectOrKeep = "keep"
    """A `;`. Some servers ignore the rest of the segment."""


class Route(Model):
    """A route: which requests it takes, and exactly one action from `handoff` to `redirect`."""

    model_config = with_example(
        {"name": "room-events", "match": {"path": "/rooms/{room}/events"}, "sse": {"channel": "room-{room}"}},
        oneOf=[{"required": [key]} for key in (*ACTIONS, "include")],
        dependentSchemas={"include": {"maxProperties": 1}},
    )

    name: Name | None = Field(None, examples=["room-events"])
    """The route's name in messages. It must be unique. If not given, `route-` and the number of the route."""
    include: IncludedPath | None = Field(None, examples=["teams/chat.yaml"])
    """Puts the routes of this file here, by its path from the folder of routes.yaml. The item has no other key. The file has only
    `routes`."""
    match: Match = Match()
    """Says which requests the route takes. If not given, it takes all."""
    auth: AuthOrProfile | None = None
    """Says which token a client needs, by itself or as a profile of `auth_profiles` does."""
    limit: Limit | None = None
    """Limits how often a client may use the route."""
    public: OnlyTrue | None = None
    """Lets anybody use the route, even if `defaults` require a token."""
    handoff: HandoffTo | None = None
    """Sends the request to a backend through Fanout. The backend can hold the connection with GRIP instructions."""
    forward: ForwardTo | None = None
    """Sends the request to a backend without Fanout."""
    tunnel: TunnelTo | None = None
    """Connects the client to a WebSocket of this backend, without Fanout. Fastly's WebSockets must be enabled for the service."""
    stream: Stream | None = None
    """Opens a stream: an answer that grows with each published message."""
    sse: Sse | None = None
    """Opens a stream of server-sent events."""
    long_poll: LongPoll | None = None
    """Answers when a message is published, or after a time-out."""
    websocket: WebSocket | None = None
    """Opens a WebSocket that gets published messages."""
    publish: Publish | None = None
    """Publishes what the client sends."""
    respond: Respond | None = None
    """Answers at the edge, without Fanout."""
    redirect: RedirectTo | None = None
    """Redirects the client."""
    origins: Origins | None = None
    """The other origins whose pages may open a WebSocket with `websocket`, `tunnel` or `handoff`, written as in `cors`. `"*"`
    allows any. If neither this nor the default is given, pages of any origin may."""
    request_headers: RequestHeaders | None = None
    """Changes headers of the request before the backend gets it, for `handoff`, `forward` and `tunnel`."""
    response_headers: ResponseHeaders | None = None
    """Changes headers of the answer before the client gets it, for `forward` and for what the edge answers."""

    def actions(self) -> list[str]:
        """Returns the names of the route's actions. A valid route has one."""
        return [name for name in ACTIONS if getattr(self, name) is not None]


def default_name(index: int) -> str:
    """Returns the name of a route that has none in routes.yaml, by its index there."""
    return f"route-{index + 1}"


class Defaults(Model):
    """Values for routes that do not set their own. Each key applies to the routes whose action takes it."""

    model_config = with_example({"keep_alive": "25s", "cors": {"origins": "https://www.example.com"}})

    cors: Cors | None = None
    """Lets pages of other origins read the answers of the edge. It does not apply to `handoff` and `forward`."""
    keep_alive: KeepAlive | None = None
    """After how long without a message a keep-alive is sent, such as a newline, a comment or a ping. Users do not see it."""
    auth: AuthOrProfile | None = None
    """Says which token a client needs, on routes that are not `public`."""
    origins: Origins | None = None
    """The other origins whose pages may open a WebSocket."""
    request_headers: RequestHeaders | None = None
    """Changes headers of requests. A route's own changes are added, and win if both name the same header."""
    response_headers: ResponseHeaders | None = None
    """Changes headers of answers. A route's own changes are added, and win if both name the same header."""


class EnvironmentBackend(Backend):
    """Says what differs at a backend. Its other keys stay as they are, and so does its kind."""

    model_config = with_example({"url": "https://staging.example.com"})


class EnvironmentFanout(Model):
    """Says what differs in how the edge recognizes requests from Fanout."""

    model_config = with_example({"keys": {"algorithm": "ES256", "file": "keys/staging-proxy.pem", "issuer": "my-proxy"}})

    keys: Annotated[list[ProxyKey], BeforeValidator(as_list)]
    """Keys of your own GRIP proxies, in place of the file's own."""


class EnvironmentAuth(Model):
    """Says what differs in the token that clients need. The rest stays as it is."""

    model_config = with_example({"keys": {"algorithm": "ES256", "file": "keys/staging.pem"}})

    keys: Annotated[list[ClientKey], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """The keys, one of which must have signed the token."""
    issuer: Annotated[list[Issuer], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Who may have issued the token."""
    audience: Annotated[list[Audience], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Whom the token must be for."""


class EnvironmentDefaults(Model):
    """Says what differs in `defaults`."""

    model_config = with_example({"auth": {"issuer": "https://login.staging.example.com/"}})

    auth: EnvironmentAuth | None = None
    """Says what differs in the token that clients need by default."""


def _same_parameters(hosts: dict[str, str]) -> dict[str, str]:
    for host, other in hosts.items():
        if label_name(host) != label_name(other):
            suggestion = f"begin both with '{{{label_name(host)}}}.'" if label_name(host) else "begin both with a host name"
            raise value_error(f"'{host}' and '{other}' do not bind the same", suggestion)
    return hosts


class Environment(Model):
    """Says what differs in one environment. Everything else is the same in all."""

    model_config = with_example(
        {
            "service": {"name": "chat-edge-staging"},
            "hosts": {"chat.example.com": "chat.staging.example.com"},
            "backends": {"origin": {"url": "https://staging.example.com"}},
        },
        minProperties=1,
    )

    service: Service | None = Field(None, examples=[{"name": "chat-edge-staging"}])
    """The service that is published, which must be another one than in production."""
    hosts: Annotated[dict[RenamedHost, RenamedHost], AfterValidator(_same_parameters)] = Field(
        default_factory=dict, examples=[{"chat.example.com": "chat.staging.example.com"}]
    )
    """Hosts of this file, each with the one that takes its place: in `match`, in origins, in locations, and as `host` of the
    loopback backend. Both must bind the same."""
    backends: dict[BackendName, EnvironmentBackend] = Field(
        default_factory=dict, examples=[{"origin": {"url": "https://staging.example.com"}}]
    )
    """Says what differs at backends, by their names."""
    fanout: EnvironmentFanout | None = None
    """The keys of your own GRIP proxies."""
    debug: Debug | None = None
    """Says which clients are told the route of their request, in place of the file's own `debug`, if it has one."""
    auth_profiles: dict[ProfileName, EnvironmentAuth] = Field(
        default_factory=dict, examples=[{"staff": {"issuer": "https://login.staging.example.com/"}}]
    )
    """Says what differs in profiles of `auth`, by their names."""
    defaults: EnvironmentDefaults | None = None
    """Says what differs in the token that clients need."""


class Spec(Model):
    """A whole routes.yaml."""

    version: Annotated[int, AfterValidator(_check_version), Field(json_schema_extra={"const": VERSION})]
    """The version of the language: 1."""
    service: Service
    """The Fastly service that is published."""
    variables: Annotated[list[VariableName], BeforeValidator(as_list)] | None = None
    """The variables of the build's environment that `${NAME}` may use: names, or the beginning of names and `*`, such as
    `APP_*`. If not given, any."""
    backends: Annotated[
        dict[BackendName, Backend],
        Field(min_length=1, examples=[{"origin": {"url": "https://app.example.com"}, "self": {"loopback": True}}]),
    ]
    """The servers that routes send requests to, by name. This service itself can be one of them."""
    fanout: Fanout = Fanout()
    """Says how the edge recognizes requests from Fanout."""
    paths: Paths = Paths()
    """Says which paths are refused because another server may read them differently."""
    sandbox: Sandbox = Sandbox()
    """Limits how long a sandbox takes further requests."""
    publishing: Publishing | None = None
    """Says with which token the edge publishes what clients send."""
    debug: Debug | None = None
    """Says which clients are told the route of their request, and why it is refused. If not given, nobody is."""
    health: ExactPath | None = Field(None, examples=["/-/healthz"])
    """The path at which the edge tells which routes it serves, before all routes. If not given, it tells nobody."""
    logs: Logs | None = None
    """Says what is logged about each request, and where. If not given, nothing is."""
    auth_profiles: dict[ProfileName, Profile] = Field(default_factory=dict)
    """Tokens that clients of several routes need, by the names with which `auth` refers to them."""
    defaults: Defaults = Defaults()
    """Values for routes that do not set their own."""
    environments: dict[EnvironmentName, Environment] = Field(
        default_factory=dict, max_length=MAX_ENVIRONMENTS, examples=[{"staging": {"service": {"name": "chat-edge-staging"}}}]
    )
    """Says what differs in each environment, such as staging, by its name. `--env` of the commands chooses one. The file without
    any of them is `production`."""
    routes: Annotated[list[Route], Field(min_length=1)]
    """The routes, in order: the first that matches a request takes it."""
