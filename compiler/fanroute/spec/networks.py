"""Defines the values of `client_ip`: addresses and networks of IPv4 and IPv6 (RFC 4632 and RFC 4291)."""

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range
from typing import Annotated

from pydantic import AfterValidator

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import Text, TextFormat, value_error

# An address or a network, without further checks.
_PATTERN = r"([0-9]+(\.[0-9]+){3}|[0-9A-Fa-f:]*:([0-9]+(\.[0-9]+){3}|[0-9A-Fa-f]*))(/[0-9]{1,3})?"
# IPv4 within IPv6 (RFC 4291, 2.5.5.2).
_MAPPED = IPv6Network("::ffff:0:0/96")
_ANYBODY = ("*", "all", "any", "everyone", "public")
_FORM = "write an address such as '203.0.113.7', or a network such as '203.0.113.0/24' or '2001:db8::/32'"
# How many networks a suggestion may have.
_MAX_SUGGESTED = 4

# How many networks are kept after they were parsed: several checks ask for each.
_MAX_CACHED = 20_000

AnyNetwork = IPv4Network | IPv6Network


@lru_cache(_MAX_CACHED)
def network_of(text: str) -> AnyNetwork:
    """Returns the network that a text names. IPv4 within IPv6 becomes IPv4. Raises ValueError."""
    return _unmapped(ip_network(text))


def _unmapped(network: AnyNetwork) -> AnyNetwork:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((network.network_address.packed[12:], network.prefixlen - _MAPPED.prefixlen))
    return network


def network_text(text: str) -> str:
    """Returns the canonical form of an address or a network. An address has no prefix."""
    return _as_text(network_of(text))


def _as_text(network: AnyNetwork) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _check_network(value: str) -> str:
    if value.lower() in _ANYBODY:
        raise value_error(f"'{value}' is not an address", "leave 'client_ip' out: without it, any address matches")
    if value.lower() == "localhost":
        raise value_error(f"'{value}' is not an address", "write [127.0.0.1, '::1'], the addresses of this machine")
    if re.fullmatch(_PATTERN, value):
        with suppress(ValueError):
            network_of(value)
            return value
    try:
        meant = _networks_meant(value)
    except (ValueError, TypeError):
        raise value_error(f"{quoted(value)} is neither an address nor a network", _FORM) from None
    if not re.fullmatch(_PATTERN, value):
        texts = [f"'{_as_text(network)}'" for network in meant]
        suggestion = f"did you mean {' and '.join(texts)}?" if len(texts) <= _MAX_SUGGESTED else _FORM
        raise value_error(f"{quoted(value)} is neither an address nor a network", suggestion)
    message = f"'{value}' is an address with a prefix, and no network: bits are set behind the prefix"
    raise value_error(message, f"write '{_as_text(meant[0])}' for the network, or '{value.partition('/')[0]}' for the address")


def _networks_meant(value: str) -> list[AnyNetwork]:
    """Returns the networks that a text means, also in forms of other tools. Raises ValueError or TypeError."""
    several = re.sub(r"\s*([/-])\s*", r"\1", value).replace(",", " ").split()
    if len(several) > 1:
        return [network for part in several for network in _networks_meant(part)]
    text = re.sub(r"%\w+", "", "".join(several))
    first, dash, last = text.partition("-")
    if dash:
        return [_unmapped(each) for each in summarize_address_range(ip_address(first), ip_address(last))]
    if short := re.fullmatch(r"([0-9]+(?:\.[0-9]+){0,2})(?:(?:\.\*?)+|(/[0-9]+))", text):
        octets = short[1].split(".")
        text = ".".join([*octets, "0", "0", "0"][:4]) + (short[2] or f"/{8 * len(octets)}")
    if with_port := re.fullmatch(r"\[(.*)\](?::[0-9]+)?|([0-9.]+):[0-9]+", text):
        text = with_port[1] or with_port[2]
    return [_unmapped(ip_network(text, strict=False))]


Network = Annotated[Text, AfterValidator(_check_network), TextFormat("an address or a network", _PATTERN, ("203.0.113.0/24",))]
