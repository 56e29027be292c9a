"""Describes a backend: its address in production, and the local one if there is one."""

from collections.abc import Iterable
from dataclasses import dataclass

from fanroute_runtime.grip.publishing import API, BACKEND

# The default port of each scheme. Browsers leave it out of an origin.
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """Says how Fastly sends requests to a backend. 0 and "" stand for Fastly's own defaults.

    The time-outs are in seconds. `override_host` is the Host header, `certificate_host` the name that the certificate must have,
    and `sni_host` the name that the server is asked for with TLS.
    """

    connect_timeout: int = 0
    first_byte_timeout: int = 0
    between_bytes_timeout: int = 0
    override_host: str = ""
    certificate_host: str = ""
    sni_host: str = ""


# The options of a backend that has none of its own.
NO_OPTIONS = BackendOptions()


@dataclass(frozen=True, slots=True)
class Backend:
    """Represents a backend as it is configured.

    `host` is where it is in production. `local` is the URL of a server to use locally, or None. The loopback backend is this
    service itself.
    """

    name: str
    host: str
    port: int
    tls: bool
    loopback: bool
    local: str | None
    options: BackendOptions = NO_OPTIONS

    @property
    def host_header(self) -> str:
        """Returns the Host header that it gets in production."""
        return self.options.override_host or self.host

    @property
    def url(self) -> str:
        """Returns the URL in production, without a path."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}" + (f":{self.port}" if self.port != PORTS[scheme] else "")


# Fastly's API, through which the edge publishes. Its local URL is that of a local edge's publish endpoint, which the Fastly CLI
# starts at this port.
PUBLISH_BACKEND = Backend(BACKEND, API.removeprefix("https://"), 443, True, False, "http://127.0.0.1:5561")


def loopback_host(backends: Iterable[Backend]) -> str:
    """Returns the host of the loopback backend, or "" if there is none."""
    return next((backend.host for backend in backends if backend.loopback), "")
