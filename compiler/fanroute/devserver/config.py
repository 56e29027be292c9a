"""Describes a service to the local edges: where its backends are, and what its stores contain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from fanroute.plan.backend import NO_OPTIONS, PUBLISH_BACKEND, Backend, BackendOptions
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.plan.tokens import TOKEN_ENTRY
from fanroute.plan.trace import with_stand_ins
from fanroute_runtime.local import LOCAL_NAMES, LOCAL_STORE, host_entry
from fanroute_runtime.plan import Plan, Route


@dataclass(frozen=True, slots=True)
class LocalBackend:
    """Says where a backend is locally: its URL, without a path, and the Host of requests to it (None: the client's).

    `is_edge` is True if the embedded edge itself is there. Of the `options`, the embedded edge keeps to the time-outs.
    """

    url: str
    host: str | None = None
    is_edge: bool = False
    options: BackendOptions = NO_OPTIONS


def locate(backends: Mapping[str, LocalBackend | None], origin: str, publish: str) -> dict[str, LocalBackend]:
    """Returns where each backend is, given the URLs of the embedded origin and of the publish endpoint."""
    located = {name: backend or LocalBackend(origin) for name, backend in backends.items()}
    if PUBLISH_BACKEND.name in located:
        located[PUBLISH_BACKEND.name] = LocalBackend(publish, urlsplit(publish).netloc)
    return located


@dataclass(frozen=True, slots=True)
class EdgeUrls:
    """Names the URLs of a running local edge: its own, and that of its publish endpoint."""

    edge: str
    publish: str


@dataclass(frozen=True, slots=True)
class Stores:
    """Holds the config stores and secret stores of a local edge. Each maps a store's name to its entries, by their names."""

    config: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def with_local_store(self, hosts: Mapping[str, str], token_key: str = "") -> "Stores":
        """Adds the config store that only local edges have.

        Args:
            hosts: the entries of it that `host_entries` returns.
            token_key: the key of the tokens that the edge accepts besides those of the routes' own keys; "" for none.
        """
        key = {TOKEN_ENTRY: token_key} if token_key else {}
        return replace(self, config={**self.config, LOCAL_STORE: {**LOCAL_ENTRIES, **hosts, **key}})

    def with_stand_ins(self, plan: Plan) -> "Stores":
        """Replaces each secret that the routes send in a header by a text that names it."""
        return replace(self, secret=with_stand_ins(self.secret, plan))


# The stores of an edge whose service has none of its own.
LOCAL_STORES = Stores().with_local_store({})


def host_entries(routes: Iterable[Route], host: str) -> dict[str, str]:
    """Returns the entries of the local store that make `localhost` and the like stand for a host.

    So the URLs of a local edge work in a browser. A name that a route matches itself gets no entry.

    Args:
        routes: all routes of the Plan.
        host: a host, or a scheme and a host; "" if there is none.
    """
    matched = {name for route in routes for name in route.match.hosts}
    return {host_entry(name): host for name in sorted(LOCAL_NAMES - matched) if host}


def local_backends(backends: Iterable[Backend]) -> tuple[dict[str, LocalBackend | None], str]:
    """Returns where each backend is locally, and the name of the loopback backend ("" if there is none).

    A backend without a local URL is None: the embedded origin takes its place, because a local edge must not send requests to
    production. The loopback's URL is empty: it is the edge's own.
    """
    local: dict[str, LocalBackend | None] = {}
    loopback = ""
    for backend in backends:
        if backend.loopback:
            loopback = backend.name
            local[backend.name] = LocalBackend("", backend.host)
        else:
            host = backend.options.override_host or None
            place = LocalBackend(backend.local.rstrip("/"), host, options=backend.options) if backend.local else None
            local[backend.name] = place
    return local, loopback
