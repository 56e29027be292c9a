"""Decides who may use the publish port: programs and pages of this machine, but no other page of the web. Pure.

A page of any site can send requests to this machine, and a name of its site can be made to lead here (DNS rebinding). Its
browser shows this by Host, Origin and Sec-Fetch-Site. Sources: RFC 9110, 7.2; RFC 6454, 7; https://www.w3.org/TR/fetch-metadata/.
"""

import re
from collections.abc import Collection, Sequence
from ipaddress import ip_address

# A host with or without a port, in a Host or an Origin.
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::[0-9]*)?")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


def host_name(text: str) -> str | None:
    """Returns a host's name or address in the spelling that is compared here, or None if the text is neither."""
    text = text.lower()
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return text if _HOST.fullmatch(text) else None


def refusal(hosts: Sequence[str], origins: Sequence[str], sites: Sequence[str], allowed: Collection[str]) -> str:
    """Returns the reason why a request may not use the publish port, or "" if it may.

    Args:
        hosts: the values of its Host headers, `origins` of Origin, and `sites` of Sec-Fetch-Site.
        allowed: further names of this machine, as `host_name` spells them.
    """
    if len(hosts) != 1:
        return "A publish request needs one Host."
    if not _is_here(hosts[0], allowed):
        mend = "publish to localhost or 127.0.0.1, or start with --allow-host NAME if it is this machine's name"
        return f"The Host {hosts[0]!a} is not this machine: {mend}."
    foreign = next((origin for origin in origins if not _is_page_of_here(origin, allowed)), None)
    if foreign is not None:
        return f"The page of origin {foreign!a} may not publish here."
    if any(site.strip().lower() == "cross-site" for site in sites):
        return "A page of another site may not publish here: use the page's own host in the publish URL."
    return ""


def _is_page_of_here(origin: str, allowed: Collection[str]) -> bool:
    scheme, separator, authority = origin.lower().partition("://")
    return scheme in ("http", "https") and bool(separator) and _is_here(authority, allowed)


def _is_here(authority: str, allowed: Collection[str]) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    name = host_name(found.group(1) or found.group(2) or "") if found else None
    return name is not None and (name == "localhost" or name in allowed or _is_loopback(name))


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
