"""The local edges: one inside this process, and Viceroy with Pushpin."""

from collections.abc import Iterable
from dataclasses import dataclass

from fanroute import lower

# Who signs a local Grip-Sig, as under the Fastly CLI: of no worth in production.
DEV_SIGNATURE_ISSUER = "viceroy"
DEV_SIGNATURE_KEY = "viceroy_dev_signing_key_dont_use_in_production"


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a backend is locally: a URL without a path, and the Host it is asked with (None: the client's)."""

    url: str
    host: str | None = None


def addresses(backends: Iterable[lower.Backend]) -> tuple[dict[str, Backend | None], str]:
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
