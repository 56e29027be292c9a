"""The headers of a message that passes through the edge, or that the edge answers. Names are in small letters."""

from collections.abc import Iterable, Sequence

from fanroute_runtime.messages import Headers
from fanroute_runtime.plan import HeaderRules

# What concerns one connection, whether Connection names it or not (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
# By which the first pass tells the second which route it has chosen: see `pin`.
PIN = "fanroute-pin"
# What a backend takes for the word of the edge or of Fanout. A name that ends in '-' stands for all that begin so.
PLATFORM_HEADERS = frozenset(
    {"connection-id", PIN, "forwarded", "grip-", "meta-", "pushpin-route", "sec-websocket-extensions", "x-forwarded-"}
)
_PLATFORM_PREFIXES = tuple(name for name in PLATFORM_HEADERS if name.endswith("-"))


def list_items(values: Iterable[bytes]) -> set[str]:
    """The items of a header whose values are lists (RFC 9110, 5.6.1), in small letters."""
    return {item.strip().lower() for value in values for item in value.decode("latin-1").split(",")}


def hop_by_hop_names(names: Iterable[str], connection: Sequence[bytes]) -> list[str]:
    """Those of a message's headers that concern one connection only; `connection` are the values of its Connection header."""
    named = list_items(connection)
    return [name for name in names if name in HOP_BY_HOP or name in named]


def is_platform_header(name: str) -> bool:
    """Whether a header is the platform's to tell. `_` is as good as `-`: CGI knows no difference (RFC 3875, 4.1.18)."""
    name = name.replace("_", "-")
    return name in PLATFORM_HEADERS or name.startswith(_PLATFORM_PREFIXES)


def is_pin(name: str) -> bool:
    """Returns True for the name of the pin's header, also with `_` for `-`."""
    return name.replace("_", "-") == PIN


def apply_rules(rules: HeaderRules, headers: Headers) -> Headers:
    """Headers after some rules."""
    if not (rules.remove or rules.set or rules.add):
        return headers
    replaced = {*rules.remove, *(name for name, _ in rules.set)}
    return (*((name, value) for name, value in headers if name not in replaced), *rules.set, *rules.add)
