"""Defines the options of a backend that say how Fastly sends requests to it."""

from typing import Annotated

from fanroute.spec.types import DURATION, MAX_SECONDS, TextFormat, duration_between

# The keys of a backend for which a handoff makes no use, because Fanout does not have them
# (https://docs.fastly.com/products/fanout).
TIME_OUTS = ("connect_timeout", "first_byte_timeout", "between_bytes_timeout")
TLS_HOSTS = ("certificate_host", "sni_host")
NOT_OF_FANOUT = (*TIME_OUTS, *TLS_HOSTS)
# The keys of a backend that only a server has, and not this service itself.
SERVER_OPTIONS = (*NOT_OF_FANOUT, "override_host")


BackendTimeout = Annotated[
    int,
    duration_between(1, MAX_SECONDS),
    TextFormat(f"a duration from 1s to {MAX_SECONDS // 60}m", DURATION.pattern, ("2m", "30s")),
]
