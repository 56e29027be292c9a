"""Decides who may use the publish port and the console: programs and pages of this machine, but no other page. Pure.

A page of any site can send requests to this machine, and its site can have a name that leads here (DNS rebinding). The page's
browser shows this in Host, Origin and Sec-Fetch-Site. Sources: RFC 9110, 7.2; RFC 6454, 7; https://www.w3.org/TR/fetch-metadata/.
"""

import re
from collections.abc import Collection, Sequence
from ipaddress import ip_address

# A host with or without a port, in a Host or an Origin.
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::[0-9]*)?")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def normalize_host(text: str) -> str | None:
    """Returns a host's name or address in the spelling that this module compares, or None if the text is neither."""
    text = text.lower()
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return text if _HOST.fullmatch(text) else None


def refusal_reason(hosts: Sequence[str], origins: Sequence[str], sites: Sequence[str], allowed: Collection[str]) -> str:
    """Returns the reason why a request may not use the port, or "" if it may.

    Args:
        hosts: the values of its Host headers.
        origins: the values of its Origin headers.
        sites: the values of its Sec-Fetch-Site headers.
        allowed: further names of this machine, as `normalize_host` spells them.
    """
    if len(hosts) != 1:
        return "A request needs one Host."
    if not _is_this_machine(hosts[0], allowed):
        suggestion = "use localhost or 127.0.0.1, or start with --allow-host NAME if it is this machine's name"
        return f"The Host {hosts[0]!a} is not this machine: {suggestion}."
    foreign = next((origin for origin in origins if not _is_own_origin(origin, allowed)), None)
    if foreign is not None:
        return f"The page of origin {foreign!a} must not use this port."
    if any(site.strip().lower() == "cross-site" for site in sites):
        return "A page of another site must not use this port: use the page's own host in the URL."
    return ""


def _is_own_origin(origin: str, allowed: Collection[str]) -> bool:
    scheme, separator, authority = origin.lower().partition("://")
    return scheme in ("http", "https") and bool(separator) and _is_this_machine(authority, allowed)


def _is_this_machine(authority: str, allowed: Collection[str]) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    name = normalize_host(found.group(1) or found.group(2) or "") if found else None
    return name is not None and (name == "localhost" or name in allowed or _is_loopback(name))


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
