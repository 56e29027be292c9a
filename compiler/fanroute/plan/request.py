"""Represents a client's request as data, and makes the request that Fanout sends for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fanroute.plan.signing import LOCAL_ENTRIES, grip_sig
from fanroute_runtime.grip import signature
from fanroute_runtime.grip.websocket import Event, encode
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import apply_rules
from fanroute_runtime.http.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Headers, Refused, ToFanout

# The client's address, one for documentation (RFC 5737).
CLIENT_ADDRESS = "192.0.2.1"
# The address of a client on the machine of a local edge.
LOCAL_CLIENT = "127.0.0.1"
# Stands for a client whose address the edge does not know.
UNKNOWN_ADDRESS = "unknown"
# The time of a request, in seconds since 1970: 2026-01-01T00:00:00Z.
TIME = 1_767_225_600


@dataclass(frozen=True, slots=True)
class RequestData:
    """Represents a request as data; it satisfies the protocol `messages.Request`.

    `headers` are (name, value) pairs with lower-case names, and `time` is when the request arrives, in seconds since 1970.
    `service` is the id of the service, and `address` the client's IP address, or None if the host knows none. `configs` and
    `secrets` map the name of a store to its entries. `penalized` says if the client uses a route with a limit too often, None if
    the host does not know.
    """

    verb: str
    url: str
    headers: Headers = ()
    content: bytes = b""
    time: int = TIME
    service: str = LOCAL_SERVICE
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {LOCAL_STORE: LOCAL_ENTRIES}, hash=False)
    secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, hash=False)
    address: str | None = CLIENT_ADDRESS
    penalized: bool | None = False

    def method(self) -> str:
        return self.verb

    def uri(self) -> str:
        return self.url

    def header(self, name: str) -> bytes | None:
        return next(iter(self.values(name)), None)

    def values(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.headers))

    def moment(self) -> int:
        return self.time * 1_000_000_000

    def body(self, limit: int) -> bytes:
        if len(self.content) > limit:
            raise Refused(413, "The body is too long.")
        return self.content

    def client_address(self) -> str | None:
        return self.address

    def client_scheme(self) -> str:
        return self.url.partition(":")[0]

    def now(self) -> int:
        return self.time

    def service_id(self) -> str:
        return self.service

    def config(self, store: str, name: str) -> str | None:
        return self.configs.get(store, {}).get(name)

    def secret(self, store: str, name: str) -> bytes | None:
        return self.secrets.get(store, {}).get(name)


def client_of(request: RequestData) -> ClientRequest:
    """Returns the request as routes see it. One with a Grip-Sig counts as Fanout's, without verifying the signature."""
    return ClientRequest(request, request.header(signature.HEADER) is not None)


def with_fanout_headers(headers: Headers, time: int) -> Headers:
    """Adds the headers that Fanout adds to a request: its features, and a Grip-Sig that is signed at `time`."""
    return (*headers, (signature.FEATURES, b"status"), (signature.HEADER, grip_sig(time)))


def second_pass_request(request: RequestData, handoff: ToFanout) -> RequestData:
    """Returns the request that Fanout sends after a handoff. For a WebSocket it is a POST with the event OPEN."""
    headers = with_fanout_headers(apply_rules(handoff.headers, request.headers), request.time)
    request = request if handoff.uri is None else replace(request, url=handoff.uri)
    if not ClientRequest(request, through_fanout=False).websocket:
        return replace(request, headers=headers)
    kept = tuple((name, value) for name, value in headers if name not in ("upgrade", "connection", "content-type"))
    headers = (*kept, ("content-type", WEBSOCKET_EVENTS.encode()))
    return replace(request, verb="POST", headers=headers, content=encode([Event("OPEN")]))
