"""Limits how often a client may use a route, with Fastly's edge rate limiting. It ships only if a route has a limit.

Source: https://github.com/fastly/compute-sdk-go/blob/main/erl/erl.go, which has the ranges of all values.
"""

from binascii import b2a_base64
from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import Route
from fanroute_runtime.plan.rate_limits import RateLimit

# The longest name of a rate counter and of a penalty box, and the longest entry in them, in bytes.
MAX_NAME = 64
# The most that is counted at once.
MAX_COUNT = 1000
# All that a client is told with a 429.
TOO_MANY = "Too many requests."

# Counts uses of a route. Gets the request, the name of the route's rate counter and penalty box, the client's entry in both, the
# number of uses, and the limit. Returns True if the client is penalized, and None if the host does not know.
CheckRate = Callable[[Request, str, str, int, RateLimit], bool | None]


class Limiter:
    """Refuses clients that use a route too often.

    Args:
        service: the service's name, which is part of the names of rate counters.
        check_rate: counts uses of a route.
    """

    def __init__(self, service: str, check_rate: CheckRate) -> None:
        self._service = service
        self._check_rate = check_rate
        # True if the host did not know a rate when it was asked last.
        self.failed = False

    def require(
        self, route: Route, client: ClientRequest, request: Request, claims: dict[str, Any] | None = None, count: int = 1
    ) -> None:
        """Counts uses of a route by a client. Raises Refused (429) if there are too many.

        If the host does not know how many there are, the client is let in: a limit that fails must not end the service.

        Args:
            route: a route with a limit.
            client: the client's request, on either pass.
            request: the request that arrived.
            claims: the claims of the client's token, if it was verified.
            count: the number of uses, such as that of a WebSocket's messages.
        """
        limit = route.limit
        assert limit is not None
        name, entry = within_limit(f"{self._service}/{route.name}"), entry_of(limit, client, claims or {})
        penalized = self._check_rate(request, name, entry, min(count * limit.weight, MAX_COUNT), limit)
        self.failed = penalized is None
        if penalized:
            raise Refused(
                429,
                f"The client uses the route {route.name!r} more than {limit.rate} times a second.",
                (("retry-after", b"%d" % limit.penalty),),
                TOO_MANY,
            )


def entry_of(limit: RateLimit, client: ClientRequest, claims: dict[str, Any]) -> str:
    """Returns the text under which a client's uses are counted: printable ASCII of at most MAX_NAME characters.

    It begins with what it is made from, so no header can have the value that stands for an address, or for a claim.
    """
    value = None
    if limit.by is not None:
        value = claims.get(limit.by.name) if limit.by.source == "claim" else client.header(limit.by.name)
    if limit.by is None or not isinstance(value, str | int | float) or value == "":
        return f"ip:{_network(client)}"
    return within_limit(f"{limit.by.source}:{value}")


def within_limit(text: str) -> str:
    """Returns a text that is printable ASCII of at most MAX_NAME characters as it is, and otherwise its digest."""
    if len(text) <= MAX_NAME and text.isascii() and text.isprintable():
        return text
    # A claim can have a surrogate, which UTF-8 has no bytes for.
    digest = sha256(text.encode(errors="surrogatepass")).digest()
    return f"sha256:{b2a_base64(digest, newline=False).decode()}"


def _network(client: ClientRequest) -> str:
    """Returns the client's IPv4 address, or the /64 of its IPv6 address: a single customer of a network has that many addresses.

    On the second pass, the first one has put the address into X-Forwarded-For.
    """
    text = (client.header("x-forwarded-for") or "").partition(",")[0].strip() if client.through_fanout else client.address
    try:
        address = ip_address(text or "")
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 address within IPv6 (RFC 4291, 2.5.5.2)
    return str(mapped or address) if mapped or address.version == 4 else f"{int(address) >> 64:016x}/64"
