"""Says where Fastly's API is, and which proxy leads there. An API token is sent there, so nobody on the way may read it."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from fanroute.project.hosts import is_host_name

# Source: https://github.com/fastly/cli (pkg/env/env.go, and pkg/global/global.go for the default).
VARIABLE, DEFAULT = "FASTLY_API_ENDPOINT", "https://api.fastly.com"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class BadSetting(Exception):
    """Reports a variable of the environment with which the API cannot be asked. Its value can be secret, and is not told."""


def api_endpoint(environment: Mapping[str, str]) -> str:
    """Returns the URL of Fastly's API, without a final slash: that of FASTLY_API_ENDPOINT, or the usual one.

    Raises BadSetting unless it is an https URL, or on this machine an http URL, with nothing but a host, a port and a path.
    """
    text = environment.get(VARIABLE) or DEFAULT
    url = _parsed(text)
    is_safe = url is not None and (url.scheme == "https" or url.hostname in _THIS_MACHINE)
    if url is None or not is_safe or url.username is not None or "?" in text or "#" in text:
        raise BadSetting(f"{VARIABLE} is not https://HOST, perhaps with a port and a path, so the token is not sent there")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def proxy_for(endpoint: str) -> tuple[str, str] | None:
    """Returns the variable of the environment that names a proxy for the API, and the proxy's URL. Returns None without one.

    An https endpoint is reached through a tunnel (RFC 9110, 9.3.6), in which the proxy can read nothing. An http endpoint is on
    this machine, and has no proxy, which could read the token. Raises BadSetting for a proxy that cannot be used.
    """
    if not endpoint.startswith("https://") or proxy_bypass(urlsplit(endpoint).netloc):
        return None
    proxies = getproxies()
    kind = next((kind for kind in ("https", "all") if proxies.get(kind)), None)
    if kind is None:
        return None
    # As curl does, httpx takes a proxy without a scheme for one of http.
    variable, url = f"{kind.upper()}_PROXY", proxies[kind] if "://" in proxies[kind] else f"http://{proxies[kind]}"
    if _parsed(url) is None:
        raise BadSetting(
            f"the proxy of {variable} cannot be used: write http://HOST:PORT there, or name the API's host in NO_PROXY"
        )
    return variable, url


def _parsed(text: str) -> SplitResult | None:
    """Returns an http or https URL in parts, or None if it is no such URL, or if httpx or the resolver would not take it."""
    try:
        url = urlsplit(text)
        is_valid = url.scheme in ("http", "https") and url.port != 0 and bool(httpx.URL(text).host)
    except (ValueError, httpx.InvalidURL):
        return None
    return url if is_valid and is_host_name(url.hostname or "") else None
