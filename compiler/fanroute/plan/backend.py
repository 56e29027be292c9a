"""Describes a backend: its address in production, and the local one if there is one."""

from collections.abc import Iterable
from dataclasses import dataclass

# The default port of each scheme. Browsers leave it out of an origin.
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Backend:
    """Represents a backend as it is configured.

    `host` is the Host header that it gets in production. `local` is the URL of a server to use locally, or None. The loopback
    backend is this service itself.
    """

    name: str
    host: str
    port: int
    tls: bool
    loopback: bool
    local: str | None

    @property
    def url(self) -> str:
        """Returns the URL in production, without a path."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[scheme] else "")


def loopback_host(backends: Iterable[Backend]) -> str:
    """Returns the host of the loopback backend, or "" if there is none."""
    return next((backend.host for backend in backends if backend.loopback), "")
