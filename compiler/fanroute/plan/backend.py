"""Describes a backend: where it is in production and, if it is somewhere else there, locally."""

from collections.abc import Iterable
from dataclasses import dataclass

# The port of a scheme if a URL has none: browsers leave it out of an origin.
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend as it is set up: where it is in production and, unless it is this service itself, locally.

    `host` is the Host it is asked with in production; `local` the URL of a server to use locally, or None.
    """

    name: str
    host: str
    port: int
    tls: bool
    loopback: bool
    local: str | None

    @property
    def url(self) -> str:
        """The URL in production, without a path."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[scheme] else "")


def loopback_host(backends: Iterable[Backend]) -> str:
    """Returns the host of the loopback backend, "" if there is none."""
    return next((backend.host for backend in backends if backend.loopback), "")
