"""The headers of a message that passes through the edge, or that the edge answers. Names are in small letters."""

from collections.abc import Iterable

from fanroute_runtime.exchange import Headers
from fanroute_runtime.plan import HeaderRules

# What concerns one connection, whether Connection names it or not (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})


def of_one_connection(names: Iterable[str], connection: str) -> list[str]:
    """Those of a message's headers that concern one connection only; `connection` is the value of its Connection header."""
    named = {option.strip().lower() for option in connection.split(",")}
    return [name for name in names if name in HOP_BY_HOP or name in named]


def applied(rules: HeaderRules, headers: Headers) -> Headers:
    """Headers after some rules."""
    replaced = {*rules.remove, *(name for name, _ in rules.set)}
    return (*((name, value) for name, value in headers if name not in replaced), *rules.set, *rules.add)
