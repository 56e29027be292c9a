"""Says where Fastly's API is. An API token is sent there."""

from collections.abc import Mapping
from urllib.parse import urlsplit

# Source: https://github.com/fastly/cli (pkg/env/env.go, and pkg/global/global.go for the default).
VARIABLE, DEFAULT = "FASTLY_API_ENDPOINT", "https://api.fastly.com"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def api_endpoint(environment: Mapping[str, str]) -> str | None:
    """Returns the URL of Fastly's API, without a final slash: that of FASTLY_API_ENDPOINT, or the usual one.

    Returns None if somebody on the way could read what is sent there: it must be an https URL, or on this machine an http URL.
    """
    try:
        url = urlsplit(environment.get(VARIABLE) or DEFAULT)
        name = url.hostname
    except ValueError:
        return None
    is_safe = url.scheme == "https" or (url.scheme == "http" and name in _THIS_MACHINE)
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}" if name and is_safe else None
