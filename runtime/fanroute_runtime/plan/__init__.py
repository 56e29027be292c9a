"""Defines the Plan: everything that the component knows about a routes.yaml. It is plain data that nothing changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, dataclass_transform

# These modules ship only if a Plan has such values, so nothing here may need them when it runs.
if TYPE_CHECKING:
    from typing import TypeAlias

    from fanroute_runtime.plan.auth import Auth
    from fanroute_runtime.plan.caching import CachePolicy
    from fanroute_runtime.plan.logs import Logs
    from fanroute_runtime.plan.publishing import Publish
    from fanroute_runtime.plan.rate_limits import RateLimit
    from fanroute_runtime.plan.rewriting import Rewrite

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True)
def record(kind: type[Class]) -> type[Class]:
    """Makes a class a dataclass that must not be changed. Type checkers enforce that.

    If Python enforced it (`frozen`), creating an object would take four times as long.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)


# The text of a claim is a `claim` where only some texts are allowed, such as in a channel, and otherwise a `claim_text`.
Source = Literal["path", "query", "header", "claim", "claim_text"]

# Features of a path that another server may read differently from the edge, by their keys in routes.yaml.
PathFault = Literal["dot_segments", "backslashes", "controls", "empty_segments", "encoded_slashes", "parameters"]
REFUSED_PATHS: tuple[PathFault, ...] = ("dot_segments", "backslashes", "controls")

# The longest name of a host, in characters (RFC 1035, 2.3.4 counts octets on the wire, which are two more).
MAX_HOST = 253


@record
class Parameter:
    """Represents a path segment whose decoded text is bound to `name`. The text is not empty, and matches `pattern`, if any.

    It can also be the rest of a path, or the first label of a host.
    """

    name: str
    pattern: str = ""


@record
class PathPattern:
    """Represents a path as decoded segments.

    `segments` of `/rooms/{room}` are `("rooms", Parameter("room"))`. With `rest`, anything may follow them: `/test/*` is
    `PathPattern(("test",), rest=True)` and matches `/test/` and `/test/a/b`, but not `/test`. If `bound_rest` is given, the rest
    must not begin with an empty segment, and its text is bound to that name: `a/b` for `/test/a/b`.
    """

    segments: tuple[str | Parameter, ...]
    rest: bool = False
    bound_rest: Parameter | None = None


@record
class Bound:
    """Refers to a value of a request: a parameter, the first value of a query parameter or header, or a claim.

    The source of a parameter is "path", also if it is a label of the host. A match has no two parameters with the same name.
    """

    source: Source
    name: str


# A text in parts: literal texts, and references to values of the request.
Template = tuple[str | Bound, ...]


@record
class Condition:
    """Represents a condition on the first value of a header or query parameter, or on a claim.

    The value must be one of `values`, or match `pattern`. Without either, it must exist if `present` is True, and must not exist
    if it is False. A claim may also equal one of `templates`, expanded for the request.
    """

    name: str
    values: tuple[str, ...] = ()
    present: bool = True
    pattern: str = ""
    templates: tuple[Template, ...] = ()


@record
class Match:
    """Represents the requests that a route takes. A field that is empty or None allows any value.

    `hosts` are lower-case names, or `*.` and a suffix, of at most MAX_HOST characters. If `host_parameter` is given, all of them
    are `*.` and a suffix, and the `*` stands for one label, whose text is bound. `websocket` says if the client must open a
    WebSocket, or must not. `client_ips` are networks, of which one must have the client's address: `192.0.2.0/24`.
    """

    hosts: tuple[str, ...] = ()
    path: PathPattern | None = None
    methods: tuple[str, ...] = ()
    scheme: Literal["http", "https"] | None = None
    websocket: bool | None = None
    headers: tuple[Condition, ...] = ()
    query: tuple[Condition, ...] = ()
    client_ips: tuple[str, ...] = ()
    host_parameter: Parameter | None = None


# Meta variables of a connection, by name.
Meta = tuple[tuple[str, Template], ...]


@record
class Channel:
    """Represents a channel to which a connection is subscribed.

    Fanout applies `filters` to messages on the channel. With `prev_id`, it delivers only messages that follow that id, and
    requests those that it has missed.
    """

    name: Template
    filters: tuple[str, ...] = ()
    prev_id: Template = ()


@record
class Handoff:
    """Hands the request off to `backend` through Fanout."""

    backend: str
    rewrite: "Rewrite | None" = None


@record
class Forward:
    """Sends the request to `backend`, and its answer to the client, without Fanout."""

    backend: str
    rewrite: "Rewrite | None" = None
    cache: "CachePolicy | None" = None


@record
class Tunnel:
    """Tunnels the client's WebSocket to `backend`, without Fanout."""

    backend: str
    rewrite: "Rewrite | None" = None


@record
class Hold:
    """Makes Fanout send the request to `backend` (this service), which answers with a GRIP hold on `channels`.

    The answer is the beginning of a stream, or the response after the time-out of a long poll. `link` is the path from which
    Fanout gets messages that a stream has missed. `meta` has the connection's variables for filters. `instructions` are further
    GRIP headers. If `instructions_are_complete`, the answer has no other GRIP headers, so these are the same for every request.
    `instructions` and `headers` are (name, value) pairs as they are sent.
    """

    backend: str
    mode: Literal["stream", "response"]
    channels: tuple[Channel, ...]
    headers: tuple[tuple[str, bytes], ...]
    instructions: tuple[tuple[str, bytes], ...] = ()
    instructions_are_complete: bool = False
    meta: Meta = ()
    link: Template = ()
    status: int = 200
    body: bytes = b""


@record
class WebSocket:
    """Makes Fanout send the WebSocket's events to `backend` (this service), which answers them with WebSocket-over-HTTP.

    On OPEN, the connection is subscribed to `channels`. With `echo`, each message goes back to its sender. `meta` has the
    connection's variables for filters. `instructions` are further control messages, as they are sent. If
    `instructions_are_complete`, those for `channels` and `meta` are among them, because they are the same for every request. If
    there are `protocols`, the client must offer one of them, unless `requires_protocol` is False. If none of them is chosen, it
    is `token_protocol`, after which the client may offer its token as if it were a protocol.

    The connection is closed after `idle_close` seconds without an event, and after a message of more than `max_message` bytes. A
    refused connection is accepted, and closed with `refuse_code`. For each of these three, 0 means never. With `expiry_leeway`,
    the connection is closed that many seconds after the client's token has expired. The client's messages are published as
    `publish` says.
    """

    backend: str
    channels: tuple[Channel, ...]
    echo: bool = False
    meta: Meta = ()
    instructions: tuple[bytes, ...] = ()
    instructions_are_complete: bool = False
    protocols: tuple[str, ...] = ()
    idle_close: int = 0
    max_message: int = 0
    refuse_code: int = 0
    expiry_leeway: int | None = None
    requires_protocol: bool = True
    token_protocol: str = ""
    publish: "Publish | None" = None


@record
class Respond:
    """Answers at the edge, without Fanout. `headers` are (name, value) pairs as they are sent."""

    status: int
    headers: tuple[tuple[str, bytes], ...]
    body: bytes


@record
class Redirect:
    """Redirects the client to `location`. Values of the request are percent-encoded in it.

    With `keep_path`, the path of the request follows, and with `keep_query` its query, without the parameters of `drop_query`.
    """

    status: int
    location: Template
    keep_path: bool = False
    keep_query: bool = False
    drop_query: tuple[str, ...] = ()


@record
class Preflight:
    """Answers a preflight request: tells the browser if a page of another origin may use the route after this one.

    The compiler adds preflight routes. Not counting them, and further paths of a route, the n-th route of the Plan is the n-th
    route in routes.yaml.
    """


Action: "TypeAlias" = "Handoff | Forward | Tunnel | Hold | WebSocket | Respond | Redirect | Preflight | Publish"


@record
class Cors:
    """Represents the pages of other origins that may read the answers of a route.

    `origins` have the form of the header Origin. `*.` stands for all hosts with that suffix, `:*` for any port, and `*` alone for
    any origin. An answer to such a page gets `headers`, which are (name, value) pairs as they are sent. With `backend_answers`,
    they replace the CORS headers of a backend's answer.
    """

    origins: tuple[str, ...]
    headers: tuple[tuple[str, bytes], ...] = ()
    backend_answers: bool = False


@record
class HeaderRules:
    """Represents changes to the headers of a message.

    `remove` removes all values of a name, `set` replaces them with one value, and `add` adds a value to them. Names are in lower
    case. Each name occurs once in all three. The pairs are (name, value) as they are sent.
    """

    set: tuple[tuple[str, bytes], ...] = ()
    add: tuple[tuple[str, bytes], ...] = ()
    remove: tuple[str, ...] = ()


Algorithm = Literal["ES256", "RS256", "HS256", "EdDSA", "Ed25519", "ES384", "PS256", "HS384", "HS512"]


@record
class StoreEntry:
    """Names an entry of one of Fastly's stores, which the running service reads."""

    kind: Literal["config", "secret"]
    store: str
    name: str


@record
class Key:
    """Represents a key that verifies signatures by `algorithm`: a public key in PEM, or the secret for HS256.

    With `kid`, it is for tokens that name it. With `issuer`, it is for tokens of that issuer.
    """

    algorithm: Algorithm
    material: bytes | StoreEntry
    kid: str = ""
    issuer: str = ""


@record
class Route:
    """Represents a route: a request that `match` takes gets `action`, if its token fits `auth` and its client keeps the `limit`.

    Pages of other origins may read the answer if `cors` allows them. Only pages of `origins`, in the form of Cors.origins, may
    open a WebSocket. Without `origins`, any page may. `request_headers` change a request to a backend of the user,
    `response_headers` the answer to the client, unless Fanout gives it. `secret_headers` are set too: each has a name, and a
    value that consists of a prefix and a secret of a store. A route with a second pass has a `fingerprint`: the key of the action
    in routes.yaml, and a digest of the route. That of the answer of `health` is `health`. A route with several paths is one route
    of the Plan for each: these follow each other, and `alternative` counts them from 0.
    """

    name: str
    match: Match
    action: Action
    auth: "Auth | None" = None
    cors: Cors | None = None
    origins: tuple[str, ...] = ()
    request_headers: HeaderRules = HeaderRules()
    response_headers: HeaderRules = HeaderRules()
    fingerprint: str = ""
    secret_headers: tuple[tuple[str, bytes, StoreEntry], ...] = ()
    alternative: int = 0
    limit: "RateLimit | None" = None


@record
class Fallback:
    """Represents the answer for a `backend` that cannot be reached. `status` None means 502, or 504 after a time-out."""

    backend: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    status: int | None = None


@record
class GripSig:
    """Says how a request proves that it comes from Fanout.

    `verify`: with a Grip-Sig that is signed by Fastly or with one of `keys`. `present`: with any Grip-Sig. `none`: with a
    Grip-Feature, which a proxy sends even if it signs nothing.
    """

    check: Literal["verify", "present", "none"] = "verify"
    keys: tuple[Key, ...] = ()


@record
class SandboxLimits:
    """Represents the limits within which a sandbox takes one request after another, if the host has more for it.

    The sandbox ends after `max_requests` requests, after `max_lifetime` seconds, with more than `max_memory` MiB in use (0: no
    limit), as soon as it has sent `max_backend_requests` requests to backends, or if no request comes within
    `next_request_timeout` seconds.
    """

    max_requests: int = 1
    max_lifetime: int = 0
    next_request_timeout: int = 0
    max_memory: int = 0
    max_backend_requests: int = 10


@record
class Plan:
    """Represents the routes of a service, in order. The first that matches wins. A path with one of `refused_paths` matches none.

    `linked` are the backends to which a request for a `link` of these routes may be forwarded. `debug` is the secret of those who
    may know why a client gets its answer, if anybody may. `logs` says what is logged, if anything is.
    """

    service: str
    routes: Sequence[Route]
    fallbacks: tuple[Fallback, ...] = ()
    grip_sig: GripSig = GripSig()
    sandbox: SandboxLimits = SandboxLimits()
    refused_paths: tuple[PathFault, ...] = REFUSED_PATHS
    linked: tuple[str, ...] = ()
    debug: StoreEntry | None = None
    logs: "Logs | None" = None
