"""Sends requests to Fastly's API with the user's token, for all commands that do.

Source: https://www.fastly.com/documentation/reference/api/
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from fanroute import __version__
from fanroute.project.answers import TooLong, ask
from fanroute.project.fastly_endpoint import BadSetting, proxy_for
from fanroute.project.folder import MAX_TEXT

# How long a connection may take, in seconds.
CONNECT_TIMEOUT = 5.0


class NoAnswer(Exception):
    """Reports that the API gave no answer. No text contains the token. `is_sent` is False if the API certainly got no request."""

    def __init__(self, reason: str, is_sent: bool) -> None:
        super().__init__(reason)
        self.is_sent = is_sent


@asynccontextmanager
async def connect(token: str, api: str, seconds: float) -> AsyncIterator["FastlyClient"]:
    """Yields a client for the API. Raises BadSetting.

    Args:
        token: the user's.
        api: what `api_endpoint` returns.
        seconds: how long each request may take, with its answer.
    """
    is_https, found = api.startswith("https://"), proxy_for(api)
    try:
        # SSL_CERT_FILE and SSL_CERT_DIR count.
        tls = httpx.create_ssl_context(trust_env=is_https)
    except OSError:
        raise BadSetting("the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read") from None
    proxy = httpx.Proxy(found[1], ssl_context=tls if found[1].startswith("https:") else None) if found else None
    headers = {"Fastly-Key": token, "Accept": "application/json", "Accept-Encoding": "identity"}
    headers["User-Agent"] = f"fanroute/{__version__}"
    timeout = httpx.Timeout(seconds, connect=CONNECT_TIMEOUT)
    # A redirect could lead the token to another server, so none is followed. The proxies of the environment are chosen above.
    async with httpx.AsyncClient(
        headers=headers, timeout=timeout, verify=tls, proxy=proxy, trust_env=False, follow_redirects=False
    ) as http:
        yield FastlyClient(http, token, api, seconds, f" through the proxy of {found[0]}" if found else "")


@dataclass(frozen=True, slots=True)
class FastlyClient:
    """Asks the API at the URL `api`. `way` says through which proxy."""

    http: httpx.AsyncClient
    token: str
    api: str
    seconds: float
    way: str

    async def send(
        self, method: str, path: str, query: Mapping[str, str] | None = None, json_body: bytes | None = None
    ) -> httpx.Response:
        """Returns the answer to a request, with its body as it was sent. Raises NoAnswer."""
        try:
            headers = {"Content-Type": "application/json"} if json_body is not None else {}
            request = self.http.build_request(method, self.api + path, params=query, content=json_body, headers=headers)
            return await ask(self.http, request, self.seconds, MAX_TEXT)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.InvalidURL, ValueError) as error:
            raise NoAnswer(f"{self.api} cannot be reached{self.way}: {self._reason(error)}", is_sent=False) from None
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer(f"{self.api} gives no answer within {self.seconds:g} s", is_sent=True) from None
        except TooLong as error:
            raise NoAnswer(f"the answer of {self.api} {error}", is_sent=True) from None
        except httpx.HTTPError as error:
            raise NoAnswer(f"the connection to {self.api} broke: {self._reason(error)}", is_sent=True) from None

    def _reason(self, error: Exception) -> str:
        return str(error).replace(self.token, "…") or type(error).__name__
