"""What a request will do, by the code that ships: which route it gets and why, and what goes out on both passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fanroute.plan.handlers import HANDLERS
from fanroute.plan.signing import LOCAL_ENTRIES, grip_sig
from fanroute_runtime import signature
from fanroute_runtime.client import Client
from fanroute_runtime.decide import Decider
from fanroute_runtime.exchange import Decision, Headers, Refused, ToFanout
from fanroute_runtime.headers import applied
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.match import Test, tests
from fanroute_runtime.media_types import WEBSOCKET_EVENTS
from fanroute_runtime.plan import Hold, Plan, Route, WebSocket
from fanroute_runtime.websocket import Event, encode

# The client's address in a trace, one for documentation (RFC 5737).
CLIENT_ADDRESS = "192.0.2.1"
# The time in a trace: 2026-01-01T00:00:00Z.
TIME = 1_767_225_600


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as data, an `exchange.Request`. `headers` are (name, value) pairs, names in small letters.

    `time` is when it comes, in seconds since 1970, `service` the id of the service, and `configs` and `secrets` are its stores'
    entries by their names, by the stores' names.
    """

    verb: str
    url: str
    headers: Headers = ()
    content: bytes = b""
    time: int = TIME
    service: str = LOCAL_SERVICE
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {LOCAL_STORE: LOCAL_ENTRIES}, hash=False)
    secrets: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, hash=False)

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

    def body(self, limit: int) -> bytes:
        return self.content

    def client_address(self) -> str | None:
        return CLIENT_ADDRESS

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


@dataclass(frozen=True, slots=True)
class Step:
    """A route that was tried, and the keys of its match that the request does not fit: none if it was taken."""

    route: str
    unfit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The routes tried, in order, the decision, and what this service then tells Fanout where it is asked itself.

    `route` is the number of the route that takes the request, None if none does. No route is tried for a request that is
    refused before, and only the one that is pinned for a request with a pin.
    """

    steps: tuple[Step, ...]
    route: int | None
    decision: Decision
    second: Decision | None


class Tracer:
    """Tells what requests do by a Plan; `loopback` is the name of the loopback backend, "" if there is none."""

    def __init__(self, plan: Plan, loopback: str) -> None:
        self._loopback = loopback
        self.plan = plan
        self._decider = Decider(plan, HANDLERS)
        self._tests = [(route.name, tests(route.match)) for route in plan.routes]

    def trace(self, asked: Asked) -> Trace:
        """What a request does."""
        decision = self._decider.decide(asked)
        second: Decision | None = None
        if isinstance(decision, ToFanout) and decision.backend == self._loopback:
            second = self._decider.decide(from_fanout(asked, decision))
        steps, route = self._steps(asked)
        return Trace(steps, route, decision, second)

    def taken(self, asked: Asked) -> Route | None:
        """The route that takes a request."""
        _, number = self._steps(asked)
        return None if number is None else self.plan.routes[number]

    def through_fanout(self, asked: Asked) -> Asked:
        """Makes the request that this service gets from Fanout in place of a client's, with the pin of the first pass.

        Who the client is does not count here. If the route is no endpoint, the request has no pin, as one for a link.
        """
        try:
            client = self._decider.chooser.client(asked)
            chosen = self._decider.chooser.choose(client, asked)
            if isinstance(chosen.route.action, Hold | WebSocket):
                return from_fanout(asked, self._decider.to_itself(chosen.route.action, chosen.number, client, asked))
        except Refused:
            pass
        return replace(asked, headers=signed(asked.time, asked.headers))

    def _steps(self, asked: Asked) -> tuple[tuple[Step, ...], int | None]:
        try:
            client = self._decider.chooser.client(asked)
            if client.pin:
                chosen = self._decider.chooser.choose(client, asked)
                return (Step(chosen.route.name, ()),), chosen.number
        except Refused:
            return (), None
        steps: list[Step] = []
        for number, (name, needed) in enumerate(self._tests):
            steps.append(Step(name, unfit(needed, client)))
            if not steps[-1].unfit:
                return tuple(steps), number
        return tuple(steps), None


def trace(plan: Plan, loopback: str, asked: Asked) -> Trace:
    """What one request does."""
    return Tracer(plan, loopback).trace(asked)


def client_of(asked: Asked) -> Client:
    """The client's request that one of ours stands for."""
    return Client(asked, asked.header(signature.HEADER) is not None)


def unfit(needed: Mapping[str, Test], client: Client) -> tuple[str, ...]:
    """Returns the keys of a match's tests that a request does not pass.

    If the path does not fit, its parameters have no values, so tests of their patterns are left out.
    """
    keys = tuple(key for key, test in needed.items() if not test(client))
    return tuple(key for key in keys if not key.startswith("where ")) if "path" in keys else keys


def signed(time: int, headers: Headers) -> Headers:
    """The headers of a request that Fanout makes of one with some: its features and signature too."""
    return (*headers, (signature.FEATURES, b"status"), (signature.HEADER, grip_sig(time)))


def through_fanout(plan: Plan, asked: Asked) -> Asked:
    """Makes the request that a service gets from Fanout in place of a client's (`Tracer.through_fanout`)."""
    return Tracer(plan, "").through_fanout(asked)


def from_fanout(asked: Asked, to: ToFanout) -> Asked:
    """The request that Fanout sends in place of one that was handed off: of a WebSocket, its OPEN."""
    headers = signed(asked.time, applied(to.headers, asked.headers))
    asked = asked if to.uri is None else replace(asked, url=to.uri)
    if not Client(asked, through_fanout=False).websocket:
        return replace(asked, headers=headers)
    events = tuple((name, value) for name, value in headers if name not in ("upgrade", "connection", "content-type"))
    headers = (*events, ("content-type", WEBSOCKET_EVENTS.encode()))
    return replace(asked, verb="POST", headers=headers, content=encode([Event("OPEN")]))
