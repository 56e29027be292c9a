"""Reads from Fastly's API.

Sources: https://www.fastly.com/documentation/reference/api/; for the paths and the JSON also https://github.com/fastly/go-fastly
(fastly/token.go, service.go, domain.go, backend.go, resource.go, config_store_item.go, secret_store.go, products/fanout,
domainmanagement/v1/domains, and the recorded answers in fastly/fixtures).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from fanroute.doctor.network import LIMIT, Network
from fanroute.project import fastly_client
from fanroute.project.fastly_client import FastlyClient, NoAnswer
from fanroute.project.fastly_endpoint import BadSetting, api_endpoint

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
    connect_timeout: int | None = None
    first_byte_timeout: int | None = None
    between_bytes_timeout: int | None = None
    ssl_cert_hostname: str | None = None
    ssl_sni_hostname: str | None = None


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
    """Yields the API at FASTLY_API_ENDPOINT. Raises ApiError if the environment does not let us ask it."""
    try:
        async with fastly_client.connect(token, api_endpoint(environment), LIMIT) as client:
            yield FastlyApi(client, network)
    except BadSetting as error:
        raise ApiError(str(error)) from None


@dataclass(frozen=True, slots=True)
class FastlyApi:
    """Reads from the API, and changes nothing."""

    client: FastlyClient
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
        try:
            reply = await self.client.send("GET", "/" + "/".join(quote(part, safe="") for part in path), query)
        except NoAnswer as error:
            raise ApiError(str(error)) from None
        self.network.note_clock(reply.headers)
        return reply
