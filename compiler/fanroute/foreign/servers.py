"""Makes a backend of the address of a server that another tool's file names. Pure."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import count
from urllib.parse import urlsplit

from fanroute.foreign.draft import Data
from fanroute.plan.backend import PORTS
from fanroute.spec.types import is_host, is_name

_NOT_PUBLIC = re.compile(r"[^.]*|.*\.(local|localhost|internal|lan|test|svc|home|intranet)\.?")


def backend_name(host: str, used: Iterable[str]) -> str:
    """Returns a name for the backend at a host: its first label, or "origin", with a number if that is used already."""
    label = host.partition(".")[0].lower()
    name = label if is_name(label) and len(label) < 50 and label != "localhost" else "origin"
    return name if name not in used else next(one for one in (f"{name}-{number}" for number in count(2)) if one not in used)


def backend_data(host: str, port: int, tls: bool, name: str) -> Data | None:
    """Returns a backend. If Fastly cannot reach it, the host is its `local` one. Returns None for what is no host."""
    scheme = "https" if tls else "http"
    try:
        address = ip_address(host)
    except ValueError:
        if not is_host(host) or host.startswith("*."):
            return None
        is_public = _NOT_PUBLIC.fullmatch(host.lower()) is None
        written = host
    else:
        is_public = address.is_global and address.version == 4
        written = f"[{host}]" if address.version == 6 else host
    url = f"{scheme}://{written}" + ("" if port == PORTS[scheme] else f":{port}")
    return {"url": url} if is_public else {"url": f"https://{name.replace('_', '-')}.example.com", "local": url}


def server_of(url: str) -> tuple[str, int, bool] | None:
    """Returns the host and port of an HTTP URL, and if it has TLS. Returns None for what is no such URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.hostname, port or PORTS[parts.scheme], parts.scheme == "https"
