"""The Plan: all the edge app knows of a routes.yaml. Plain frozen data, equal when its fields are equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True)
def record(kind: type[Class]) -> type[Class]:
    """A dataclass that nobody changes. Type checkers hold to that; Python would take four times as long to make one."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


Source = Literal["path", "query", "header", "claim"]

# What in a path another server may read otherwise than the edge, by the keys of routes.yaml.
PathFault = Literal["dot_segments", "backslashes", "controls", "empty_segments", "encoded_slashes", "parameters"]
REFUSED_PATHS: tuple[PathFault, ...] = ("dot_segments", "backslashes", "controls")

# Longest name of a host, in characters (RFC 1035, 2.3.4: in octets of DNS, two more).
MAX_HOST = 253


@record
class Parameter:
    """A path segment that binds its decoded text, any but an empty one, to `name`; it fits `pattern`, if there is one."""

    name: str
    pattern: str = ""


@record
class PathPattern:
    """A path as decoded segments.

    `segments` of `/rooms/{room}` are `("rooms", Parameter("room"))`. With `rest`, anything may follow them: `/test/*` is
    `PathPattern(("test",), rest=True)` and matches `/test/` and `/test/a/b`, but not `/test`.
    """

    segments: tuple[str | Parameter, ...]
    rest: bool = False


@record
class Bound:
    """A value that a request has: a path parameter, the first value of a query parameter or header, or a claim of its token."""

    source: Source
    name: str


# Text as it stands, or as parts of which some are bound by the match.
Template = tuple[str | Bound, ...]


@record
class Condition:
    """What the first value of a header or query parameter must be, or a claim.

    It is one of `values`, or it fits `pattern`; without either, it is there (`present`) or not. A claim may also be one of
    `templates`: equal to what they give for the request.
    """

    name: str
    values: tuple[str, ...] = ()
    present: bool = True
    pattern: str = ""
    templates: tuple[Template, ...] = ()


@record
class Match:
    """Which requests a route is for; what is empty or None means any.

    `hosts` are lower-case names, or `*.` and a suffix, of at most MAX_HOST characters. `websocket` is whether the client asks
    for a WebSocket.
    """

    hosts: tuple[str, ...] = ()
    path: PathPattern | None = None
    methods: tuple[str, ...] = ()
    scheme: Literal["http", "https"] | None = None
    websocket: bool | None = None
    headers: tuple[Condition, ...] = ()
    query: tuple[Condition, ...] = ()


# Meta variables of a connection, by name.
Meta = tuple[tuple[str, Template], ...]


@record
class Channel:
    """A channel to subscribe a connection to.

    `filters` are applied to what is published there. With `prev_id`, only what follows that id is delivered: Fanout asks
    for the rest.
    """

    name: Template
    filters: tuple[str, ...] = ()
    prev_id: Template = ()


@record
class Handoff:
    """Hand the request off to `backend` through Fanout."""

    backend: str


@record
class Forward:
    """Send the request on to `backend`, and its answer to the client, without Fanout."""

    backend: str


@record
class Tunnel:
    """Join the client's WebSocket to one of `backend`'s, without Fanout."""

    backend: str


@record
class Hold:
    """Have Fanout ask `backend` (this service), which answers with a GRIP hold on `channels`.

    The answer is the beginning of a stream, or what a held response is after the time-out. `link` is the path where
    Fanout asks for what a stream has missed; `meta` is what filters know of the connection. `instructions` are
    further ones for Fanout or, if it is `ready`, all of them: nothing in them is of a request. These and `headers` are
    (name, value) pairs as they go on the wire.
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
    """Have Fanout ask `backend` (this service), which speaks WebSocket-over-HTTP.

    On OPEN the connection is subscribed to `channels`; with `echo`, each message goes back to its sender. `meta` is what
    filters know of the connection. `instructions` are further control messages, as they go on the wire, or, if it is `ready`,
    all of them: nothing in them is of a request. The client has to offer one of `protocols`, if there are any. After
    `idle_close` seconds without an event, or a message of more than `max_message` bytes, the connection is closed; a refused
    one is accepted and closed with `refuse_code`. In all three 0 is none. With `expiry_leeway`, it is closed so many seconds
    after its client's token has expired.
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


@record
class Respond:
    """Answer at the edge, without Fanout. `headers` are (name, value) pairs as they go on the wire."""

    status: int
    headers: tuple[tuple[str, bytes], ...]
    body: bytes


@record
class Redirect:
    """Send the client to `location`; what the match has bound is percent-encoded in it."""

    status: int
    location: Template


@record
class Preflight:
    """Say what a browser asks for a page of another origin: whether the requests of the route after this one are allowed.

    These are no routes of routes.yaml: the n-th route of the Plan without them is the n-th there.
    """


Action = Handoff | Forward | Tunnel | Hold | WebSocket | Respond | Redirect | Preflight


@record
class Cors:
    """Which pages of other origins may read the answers of a route.

    `origins` are as in the header Origin, with `*.` for all hosts that end so, or `*` alone for any. `headers` are (name, value)
    pairs as they go on the wire, of an answer to such a page. With `backend_answers`, a forwarded backend's answer has them too,
    in place of its own.
    """

    origins: tuple[str, ...]
    headers: tuple[tuple[str, bytes], ...] = ()
    backend_answers: bool = False


@record
class HeaderRules:
    """What is done with the headers of a message.

    `remove` takes a name's values away, `set` puts one in their place, `add` puts one beside them.
    Names are in small letters, each once in all three; the pairs are (name, value) as they go on the wire.
    """

    set: tuple[tuple[str, bytes], ...] = ()
    add: tuple[tuple[str, bytes], ...] = ()
    remove: tuple[str, ...] = ()


Algorithm = Literal["ES256", "HS256", "RS256"]


@record
class StoreEntry:
    """An entry of one of Fastly's stores, read by the running service."""

    kind: Literal["config", "secret"]
    store: str
    name: str


@record
class Key:
    """What signatures by `algorithm` are checked with: a public key in PEM, or the secret of an HS256.

    With `kid`, it is for tokens that name it; with `issuer`, for those of one issuer.
    """

    algorithm: Algorithm
    material: bytes | StoreEntry
    kid: str = ""
    issuer: str = ""


@record
class TokenPlace:
    """Where a client's token may be: in Authorization, or in the cookie or query parameter of a name."""

    kind: Literal["authorization", "cookie", "query"]
    name: str = ""


@record
class Auth:
    """Which token a client needs: it is in the first of `places` that has one.

    One of `keys` has signed it, one of `issuers` has issued it (empty: any), for one of `audiences` (empty: for none in
    particular). Its claims fit `claims`, of a list one item; `channels` is the claim that lists those to which its holder may
    subscribe, "" for any. Clocks may differ by `leeway` seconds.
    """

    keys: tuple[Key, ...]
    places: tuple[TokenPlace, ...]
    leeway: int
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    claims: tuple[Condition, ...] = ()
    channels: str = ""


@record
class Route:
    """A route: a request that fits `match` gets `action`, if its token is as `auth` says.

    Pages of other origins may read the answer if `cors` says so.
    Only pages of `origins`, which are as those of Cors, may open a WebSocket; without any, all may.
    `request_headers` are for the request that goes on to a backend of the user's, `response_headers` for the answer to the
    client, unless it is Fanout that gives it. `fingerprint` is for the routes that Fanout asks this service for: the key of
    the action in routes.yaml, and a digest of the route.
    """

    name: str
    match: Match
    action: Action
    auth: Auth | None = None
    cors: Cors | None = None
    origins: tuple[str, ...] = ()
    request_headers: HeaderRules = HeaderRules()
    response_headers: HeaderRules = HeaderRules()
    fingerprint: str = ""


@record
class Fallback:
    """What a client gets where `backend` cannot be reached; `status` None is 502, or 504 where time has run out."""

    backend: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    status: int | None = None


@record
class GripSig:
    """How a request shows that it comes from Fanout.

    `verify`: by a Grip-Sig that Fastly has signed, or the issuer of one of `keys`. `present`: by any Grip-Sig. `none`: by a
    Grip-Feature, which a proxy sends that signs nothing.
    """

    check: Literal["verify", "present", "none"] = "verify"
    keys: tuple[Key, ...] = ()


@record
class SandboxLimits:
    """How long a sandbox takes one request after another, where the host has more for it.

    After `max_requests` requests, `max_lifetime` seconds or with more than `max_memory` MiB in use (0: any) it ends; and where
    none comes within `next_request_timeout` seconds.
    """

    max_requests: int = 1
    max_lifetime: int = 0
    next_request_timeout: int = 0
    max_memory: int = 0


@record
class Plan:
    """The routes of a service, in order: the first that matches wins. Paths with one of `refused_paths` match none.

    `linked` are the backends to which a request for a `link` of these routes may be forwarded.
    """

    service: str
    routes: Sequence[Route]
    fallbacks: tuple[Fallback, ...] = ()
    grip_sig: GripSig = GripSig()
    sandbox: SandboxLimits = SandboxLimits()
    refused_paths: tuple[PathFault, ...] = REFUSED_PATHS
    linked: tuple[str, ...] = ()
