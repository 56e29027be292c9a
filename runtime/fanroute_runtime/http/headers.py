"""Names the headers that an intermediary must handle, and applies rules to headers. Names are in lower case."""

from collections.abc import Iterable, Sequence

from fanroute_runtime.messages import Headers
from fanroute_runtime.plan import HeaderRules

# Headers that concern one connection, even if Connection does not name them (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
# With this header, the first pass passes its route to the second: see `matching.pin`.
PIN = "fanroute-pin"
# With the secret in this header, a client may know why it gets its answer: see `explain`.
DEBUG = "fanroute-debug"
# Headers that a backend trusts, because it expects them from the edge or from Fanout. A name that ends in '-' stands for all
# names that begin with it.
PLATFORM_HEADERS = frozenset(
    {"connection-id", DEBUG, PIN, "forwarded", "grip-", "meta-", "pushpin-route", "sec-websocket-extensions", "x-forwarded-"}
)
_PLATFORM_PREFIXES = tuple(name for name in PLATFORM_HEADERS if name.endswith("-"))


def list_items(values: Iterable[bytes]) -> set[str]:
    """Returns the items of a header whose values are lists (RFC 9110, 5.6.1), in lower case."""
    return {item.strip().lower() for value in values for item in value.decode("latin-1").split(",")}


def hop_by_hop_names(names: Iterable[str], connection: Sequence[bytes]) -> list[str]:
    """Returns the names of hop-by-hop headers (RFC 9110, 7.6.1) among `names`.

    `connection` has the values of the message's Connection header.
    """
    named = list_items(connection)
    return [name for name in names if name in HOP_BY_HOP or name in named]


def is_platform_header(name: str) -> bool:
    """Returns True if only the edge or Fanout may set a header.

    `_` counts as `-`, because CGI does not distinguish them (RFC 3875, 4.1.18).
    """
    name = name.replace("_", "-")
    return name in PLATFORM_HEADERS or name.startswith(_PLATFORM_PREFIXES)


def is_own_header(name: str) -> bool:
    """Returns True for a header that only the edge itself reads, also if it is written with `_` for `-`."""
    return name.replace("_", "-") in (PIN, DEBUG)


def apply_rules(rules: HeaderRules, headers: Headers) -> Headers:
    """Returns headers after rules have been applied to them."""
    if not (rules.remove or rules.set or rules.add):
        return headers
    replaced = {*rules.remove, *(name for name, _ in rules.set)}
    return (*((name, value) for name, value in headers if name not in replaced), *rules.set, *rules.add)
