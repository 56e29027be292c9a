"""Reads from Fastly's API.

Sources: https://www.fastly.com/documentation/reference/api/; for the paths and the JSON also https://github.com/fastly/go-fastly
(fastly/token.go, service.go, domain.go, backend.go, resource.go, config_store_item.go, secret_store.go, products/fanout,
domainmanagement/v1/domains, and the recorded answers in fastly/fixtures).
"""

from asyncio import timeout
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from fanroute.devserver.forwarding import TooLong, read_whole
from fanroute.doctor.network import LIMIT, Network
from fanroute.project.fastly_endpoint import api_endpoint
from fanroute.project.folder import MAX_TEXT

Answer = TypeVar("Answer")


class Token(BaseModel):
    """The answer of `/tokens/self`. `scope` is separated by spaces. Without `services`, the token is for the whole account."""

    scope: str = ""
    services: list[str] = []
    expires_at: AwareDatetime | None = None


class Version(BaseModel):
    """A version of a service."""

    number: int


class Service(BaseModel):
    """The answer of `/service/ID/details`. The type of a Compute service is `wasm`."""

    name: str
    type: str
    active_version: Version | None = None


class ApiBackend(BaseModel):
    """One of `/service/ID/version/NUMBER/backend`."""

    name: str
    address: str
    port: int
    override_host: str | None = None


class ApiDomain(BaseModel):
    """One of `/service/ID/version/NUMBER/domain`."""

    name: str


class VersionlessDomain(BaseModel):
    """One of `/domain-management/v1/domains`."""

    fqdn: str


class DomainPage(BaseModel):
    """The answer of `/domain-management/v1/domains`."""

    data: list[VersionlessDomain]


class ApiResource(BaseModel):
    """One of `/service/ID/version/NUMBER/resource`, a link to a store. `name` is how the service calls the store."""

    name: str
    resource_id: str
    resource_type: str


class ApiError(Exception):
    """Reports that the API has not given what was asked for. `status` is the answer's, 0 if there is none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@asynccontextmanager
async def connect(token: str, environment: Mapping[str, str], network: Network) -> AsyncIterator["FastlyApi"]:
    """Yields the API at FASTLY_API_ENDPOINT. Raises ApiError if the token cannot be sent there. No error contains the token."""
    endpoint = api_endpoint(environment)
    if endpoint is None:
        raise ApiError("FASTLY_API_ENDPOINT is no https URL, so the token is not sent there")
    headers = {"Fastly-Key": token, "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fanroute-doctor"}
    # A redirect could lead the token to another server, so none is followed.
    async with httpx.AsyncClient(base_url=endpoint, headers=headers, follow_redirects=False) as client:
        yield FastlyApi(client, network)


@dataclass(frozen=True, slots=True)
class FastlyApi:
    """Reads from the API, and changes nothing."""

    client: httpx.AsyncClient
    network: Network

    async def get(self, kind: type[Answer], *path: str, **query: str) -> Answer:
        """Returns the JSON at a path, as a model. Raises ApiError."""
        reply = await self._send(path, query)
        if reply.status_code != 200:
            raise ApiError(f"the API answers {reply.status_code} to /{'/'.join(path)}", reply.status_code)
        try:
            return TypeAdapter(kind).validate_json(reply.content)
        except ValidationError:
            raise ApiError(f"the API's answer to /{'/'.join(path)} has another form than its documents say") from None

    async def exists(self, *path: str) -> bool:
        """Returns True if there is something at a path. Raises ApiError. The content, which can be secret, is not used."""
        reply = await self._send(path, {})
        if reply.status_code not in (200, 404):
            raise ApiError(f"the API answers {reply.status_code} to /{'/'.join(path)}", reply.status_code)
        return reply.status_code == 200

    async def _send(self, path: tuple[str, ...], query: Mapping[str, str]) -> httpx.Response:
        target = "/" + "/".join(quote(part, safe="") for part in path)
        try:
            async with timeout(LIMIT):
                request = self.client.build_request("GET", target, params=query)
                reply = await read_whole(await self.client.send(request, stream=True), MAX_TEXT)
        except (TimeoutError, httpx.TimeoutException):
            raise ApiError(f"the API has not answered within {LIMIT:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, TooLong, ValueError) as error:
            raise ApiError(f"the API gives no answer ({type(error).__name__})") from None
        self.network.note_clock(reply.headers)
        return reply
