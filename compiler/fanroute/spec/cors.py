"""Defines `cors` and `origins`: which pages of other origins may read answers, and open WebSockets."""

import re
from ipaddress import IPv6Address
from socket import inet_aton, inet_ntoa
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.diagnostics.printable import quoted
from fanroute.plan.backend import PORTS
from fanroute.spec.types import HeaderName, MaxAge, Model, Text, TextFormat, as_list, is_host, value_error, with_example

# The serialization of an origin (RFC 6454, 6.2), as browsers send it in the Origin header.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([^/:@?#\[\]]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
# What stands for any port at the end of an origin.
ANY_PORT = ":*"


def _normalize_origin(value: str) -> str:
    """Returns an origin in the only form that it has in requests. `*` stays as it is."""
    if value == "*":
        return value
    if value == "null":
        raise value_error("'null' is the origin of any sandboxed page", "write '*' if any page may")
    if value.endswith(ANY_PORT):
        return _with_any_port(value.removesuffix(ANY_PORT))
    parts = _ORIGIN.fullmatch(value.lower())
    port = int(parts[3]) if parts and parts[3] else None
    if not parts or not _is_origin_host(parts[2]) or not (port is None or 0 < port < 65536):
        before_path = re.match(rf"({_ORIGIN.pattern})/", value.lower())
        suggestion = f"did you mean '{before_path[1]}'?" if before_path else "write SCHEME://HOST, with :PORT if needed"
        if parts and (address := _canonical_address(parts[2])):
            suggestion = f"browsers write this address as '{address}'"
        raise value_error(f"{quoted(value)} is not an origin", suggestion)
    return f"{parts[1]}://{parts[2]}" + (f":{port}" if port not in (None, PORTS.get(parts[1])) else "")


def _canonical_address(host: str) -> str | None:
    """Returns an IPv4 address as browsers write it, None for the name of a host.

    A host whose last label is a number is an address, in any form of inet_aton (https://url.spec.whatwg.org/#concept-host-parser).
    It is "" if it is none.
    """
    if not re.search(r"(?:\A|\.)(?:[0-9]+|0x[0-9a-f]*)\Z", host):
        return None
    try:
        return inet_ntoa(inet_aton(host))
    except OSError:
        return ""


def _with_any_port(origin: str) -> str:
    """Returns the pattern for all ports of an origin. Raises an error unless its host is always the visitor's own machine."""
    normalized = _normalize_origin(origin)
    scheme, _, host = normalized.partition("://")
    written = f"'{origin}{ANY_PORT}'"
    if port := re.search(r":[0-9]+\Z", origin):
        raise value_error(f"{written} has two ports", f"write '{origin[: port.start()]}{ANY_PORT}'")
    if scheme not in PORTS:
        raise value_error(f"{written} is not an origin: only http and https have ports", f"write '{normalized}'")
    if "*" in host or not _is_loopback(host):
        problem = "another port of a host can have pages of somebody else"
        suggestion = "name the ports; only localhost, 127.0.0.1 and [::1] can have ':*', for development"
        raise value_error(f"{written} has any port: {problem}", suggestion)
    return normalized + ANY_PORT


def _is_loopback(host: str) -> bool:
    """Returns True if a host is the machine of whoever names it (RFC 6761, 6.3, and RFC 6890)."""
    return host in ("localhost", "127.0.0.1", "[::1]") or host.endswith(".localhost")


def _is_origin_host(host: str) -> bool:
    if not host.startswith("["):
        return is_host(host) and _canonical_address(host) in (None, host)
    try:
        return host == f"[{IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        return False


def _check_any_is_alone(value: list[str]) -> list[str]:
    if "*" in value and len(value) > 1:
        raise value_error("'*' must be the only origin in the list", "keep '*', or the others")
    return value


Origin = Annotated[
    Text,
    AfterValidator(_normalize_origin),
    TextFormat("an origin", r"\*|[^/]+://[^/]+", ("https://www.example.com", "https://*.example.com", "*")),
]
Origins = Annotated[list[Origin], BeforeValidator(as_list), Field(min_length=1), AfterValidator(_check_any_is_alone)]
HeaderNames = Annotated[list[HeaderName], BeforeValidator(as_list)]


class Cors(Model):
    """Lets pages of other origins read the answer. The edge answers their preflight requests."""

    model_config = with_example({"origins": "https://www.example.com", "headers": "Authorization", "credentials": True})

    origins: Origins
    """The origins of the pages, such as `https://chat.example.com`. `*.` before a name stands for all hosts below it, and `"*"`
    alone for any origin. `http://localhost:*` has any port; only hosts of the visitor's own machine can."""
    headers: HeaderNames = Field(default_factory=list, examples=["Authorization"])
    """Headers that their requests may have, besides those that any page may send. `"*"` allows any but `Authorization`."""
    credentials: bool = False
    """Lets their requests carry cookies and other credentials."""
    max_age: MaxAge | None = None
    """Tells a browser how long it may cache the answer to a preflight request. 5 s if not given, a day at most."""
    expose: HeaderNames = Field(default_factory=list, examples=["X-Request-Id"])
    """Headers of the answer that they may read, besides those that any page may read. `"*"` allows any."""
    backend_answers: bool = False
    """For a `forward`: these pages may also read the backend's answers. The edge's CORS headers replace the backend's."""
