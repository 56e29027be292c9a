"""The local edges: one inside this process, and Viceroy with Pushpin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from fanroute.plan.backend import Backend as PlannedBackend
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute_runtime.local import LOCAL_STORE


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a backend is locally: a URL without a path, and the Host it is asked with (None: the client's)."""

    url: str
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Stores:
    """What is in a local edge's config stores and secret stores: entries by their names, by the stores' names."""

    config: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def with_local(self, hosts: Mapping[str, str]) -> "Stores":
        """Returns the same stores and the one that only local edges have, with the hosts that its names stand for."""
        return replace(self, config={**self.config, LOCAL_STORE: {**LOCAL_ENTRIES, **hosts}})


# Those of an edge whose service has none.
LOCAL_STORES = Stores().with_local({})


def addresses(backends: Iterable[PlannedBackend]) -> tuple[dict[str, Backend | None], str]:
    """Where each backend is locally, None for the embedded origin, and the name of the loopback backend or "".

    A loopback's URL is left empty: it is the edge's own. Production is never asked.
    """
    local: dict[str, Backend | None] = {}
    loopback = ""
    for backend in backends:
        if backend.loopback:
            loopback = backend.name
            local[backend.name] = Backend("", backend.host)
        else:
            local[backend.name] = Backend(backend.local.rstrip("/")) if backend.local else None
    return local, loopback
