"""Checks the API token, and the active version of the service on Fastly against routes.yaml. Nothing is changed there."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from fanroute.doctor.documents import entry_text
from fanroute.doctor.fastly_api import (
    ApiBackend,
    ApiDomain,
    ApiError,
    ApiResource,
    DomainPage,
    FastlyApi,
    Service,
    Token,
    connect,
)
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.doctor.stores import store_entries
from fanroute.pipeline import Compiled
from fanroute.plan.backend import Backend
from fanroute.project.backend_options import API_FIELDS, update_command, values_on_fastly
from fanroute.project.fastly_token import NoToken, find_token
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.plan import Route, StoreEntry

_NEW_TOKEN = (
    "Make a token with the scope global, for this service, at https://manage.fastly.com/account/personal/tokens, "
    "and set FASTLY_API_TOKEN."
)
_PUBLISH = "Publish it with `fastly compute publish`."
# No part of the API tells if Edge Rate Limiting is enabled (https://www.fastly.com/documentation/reference/api/products/).
LIMITS = Finding(
    "Edge Rate Limiting",
    "skipped",
    "routes have a `limit`, and Fastly's API does not tell if the product is enabled",
    "Ask Fastly to enable it for the account, then send more requests than a limit allows and see a 429.",
)
# How long before its end a token is reported.
EXPIRES_SOON = timedelta(days=7)
# How the API calls the kinds of stores. Source: https://github.com/fastly/fastly-rust, src/models/type_resource.rs
RESOURCES = {"config": "config", "secret": "secret-store"}


async def check_account(examined: Examined) -> Findings:
    """Checks the token's rights, and then the service."""
    assert examined.compiled is not None and examined.network is not None
    service_id = examined.service_id
    try:
        token = find_token(examined.environment)
    except NoToken as error:
        yield Finding("API token", "skipped", error.problem, error.fix)
        return
    try:
        async with connect(token.value, examined.environment, examined.network) as api:
            now = datetime.fromtimestamp(examined.network.now(), UTC)
            yield token_finding(await api.get(Token, "tokens", "self"), service_id, now)
            if not service_id:
                yield Finding("service", "skipped", "it is not published yet", _PUBLISH)
                return
            async for finding in _service_findings(api, examined.compiled, service_id):
                yield finding
    except ApiError as error:
        if error.status in (401, 403):
            yield Finding("API token", "error", f"Fastly does not accept that of {token.source} ({error.status})", _NEW_TOKEN)
        else:
            fix = "Correct FASTLY_API_ENDPOINT, or the variables of the proxy (HTTPS_PROXY, NO_PROXY), or try again later."
            yield Finding("Fastly's API", "skipped", str(error), fix)


def token_finding(token: Token, service_id: str, now: datetime) -> Finding:
    """Describes the token's rights. To publish a service or a message, it needs the scope `global`.

    Source: https://www.fastly.com/documentation/reference/api/auth-tokens/
    """
    if service_id and token.services and service_id not in token.services:
        return Finding("API token", "error", f"it is not for the service {service_id}", _NEW_TOKEN)
    if "global" not in token.scope.split():
        return Finding("API token", "warning", f"its scope '{token.scope}' does not allow publishing", _NEW_TOKEN)
    if token.expires_at and token.expires_at < now + EXPIRES_SOON:
        return Finding("API token", "warning", f"it expires at {token.expires_at:%Y-%m-%d %H:%M %Z}", _NEW_TOKEN)
    return Finding("API token", "ok", "it may publish the service and messages")


async def _service_findings(api: FastlyApi, compiled: Compiled, service_id: str) -> Findings:
    """Yields what is wrong with a service, one part of it after the other."""
    try:
        service = await api.get(Service, "service", service_id, "details")
    except ApiError as error:
        if error.status not in (400, 403, 404):  # 400 says that there is none (go-fastly, service.go)
            raise
        fix = "Correct service_id in fastly.toml, or the variable FASTLY_SERVICE_ID, or take a token of its account."
        yield Finding("service", "error", f"the token's account has no service {service_id}", fix)
        return
    if service.type != "wasm" or service.active_version is None:
        what = "no version of it is active" if service.type == "wasm" else "it is no Compute service"
        yield Finding("service", "error", what, _PUBLISH)
        return
    version = ("service", service_id, "version", str(service.active_version.number))
    yield Finding("service", "ok", f"version {version[-1]} of '{service.name}' is active")
    parts = {
        "domains": _domains(api, compiled, version, service_id),
        "backends on Fastly": _backends(api, compiled, version),
        "Fanout": _product(api, service_id, "Fanout"),
        "stores on Fastly": _stores(api, compiled, version),
    }
    if compiled.has_tunnels:
        parts["WebSockets"] = _product(api, service_id, "WebSockets")
    if compiled.has_limits:
        yield LIMITS
    for findings in await asyncio.gather(*(_part(subject, findings) for subject, findings in parts.items())):
        for finding in findings:
            yield finding


async def _part(subject: str, findings: Awaitable[Iterable[Finding]]) -> Iterable[Finding]:
    """Returns the findings about a part of the service. If the API does not show that part, says so."""
    try:
        return await findings
    except ApiError as error:
        return [Finding(subject, "skipped", str(error), "Try again later, or with a token that may read this.")]


async def _domains(api: FastlyApi, compiled: Compiled, version: tuple[str, ...], service_id: str) -> Iterable[Finding]:
    domains = [domain.name for domain in await api.get(list[ApiDomain], *version, "domain")]
    try:
        page = await api.get(DomainPage, "domain-management", "v1", "domains", service_id=service_id)
    except ApiError:  # not every token may read it
        page = DomainPage(data=[])
    return domain_findings([*domains, *(domain.fqdn for domain in page.data)], compiled.loopback_host, compiled.plan.routes)


def domain_findings(domains: list[str], own_host: str, routes: Iterable[Route]) -> Iterator[Finding]:
    """Yields the hosts of the routes that are under no domain. `own_host` is that of the loopback backend, which Fanout needs."""
    fix = "Add the domain with `fastly service domain create`, or correct the host in routes.yaml."
    hosts = dict.fromkeys([own_host, *(host for route in routes for host in route.match.hosts)])
    missing = [host for host in hosts if host and host not in LOCAL_NAMES and not _is_under(host, domains)]
    for host in missing:
        what = "which is the loopback backend's" if host == own_host else "which a route matches"
        yield Finding("domains", "error" if host == own_host else "warning", f"none is for '{host}', {what}", fix)
    if not missing:
        yield Finding("domains", "ok", ", ".join(domains) or "there is none, and the routes need none")


def _is_under(host: str, domains: Iterable[str]) -> bool:
    """Returns True if requests to one of the domains can have a host. Both can begin with `*.`."""
    return any(
        host == domain
        or (host.startswith("*.") and domain.endswith(host[1:]))
        or (domain.startswith("*.") and host.endswith(domain[1:]))
        for domain in map(str.lower, domains)
    )


async def _backends(api: FastlyApi, compiled: Compiled, version: tuple[str, ...]) -> Iterable[Finding]:
    found = {backend.name: backend for backend in await api.get(list[ApiBackend], *version, "backend")}
    return [backend_finding(backend, found.get(backend.name)) for backend in compiled.backends]


def backend_finding(backend: Backend, found: ApiBackend | None) -> Finding:
    """Compares a backend with the one on Fastly, which is None if there is none of its name.

    TLS is not compared, because the Fastly CLI does not set `use_ssl`.
    """
    subject = f"backend '{backend.name}' on Fastly"
    if found is None:
        fix = "Create it with `fastly service backend create`: publishing does so only the first time."
        return Finding(subject, "error", "there is none", fix)
    options = {API_FIELDS[name]: value for name, value in values_on_fastly(backend).items()}
    wanted = {"address": backend.host, "port": backend.port, "override_host": backend.host} | options
    got = {key: getattr(found, key) for key in wanted}
    wrong = [key for key in wanted if str(got[key]).lower() != str(wanted[key]).lower()]
    if not wrong:
        return Finding(subject, "ok", f"{found.address}:{found.port}")
    text = ", ".join(f"{key} is {got[key]!r} instead of {wanted[key]!r}" for key in wrong)
    command = update_command(backend) if options.keys() & wrong else "fastly service backend update"
    fix = f"Correct it with `{command}`, or correct routes.yaml."
    return Finding(subject, "error" if backend.loopback else "warning", text, fix)


async def _product(api: FastlyApi, service_id: str, name: str) -> Iterable[Finding]:
    product = name.lower()
    try:
        await api.get(dict, "enabled-products", "v1", product, "services", service_id)
    except ApiError as error:
        if error.status != 400:  # "no product on service" (go-fastly, products/fanout/fixtures)
            raise
        return [Finding(name, "error", "not enabled on the service", f"Enable it with `fastly products --enable={product}`.")]
    return [Finding(name, "ok", "enabled on the service")]


async def _stores(api: FastlyApi, compiled: Compiled, version: tuple[str, ...]) -> Iterable[Finding]:
    entries = store_entries(compiled.plan)
    links = await api.get(list[ApiResource], *version, "resource") if entries else []
    stores = {(link.resource_type, link.name): link.resource_id for link in links}
    return await asyncio.gather(*(_entry(api, entry, stores.get((RESOURCES[entry.kind], entry.store))) for entry in entries))


async def _entry(api: FastlyApi, entry: StoreEntry, store: str | None) -> Finding:
    """Looks for an entry of a store. `store` is the store's id, None if the service has no link to it."""
    subject = f"{entry.kind} store '{entry.store}' on Fastly"
    if store is None:
        return Finding(subject, "error", "the service has no link to one", "Link it with `fastly service resource-link create`.")
    if await api.exists("resources", "stores", entry.kind, store, "item" if entry.kind == "config" else "secrets", entry.name):
        return Finding(subject, "ok", f"it has {entry_text(entry)}")
    fix = f"Create it with `fastly {entry.kind}-store-entry create`."
    return Finding(subject, "error", f"it does not have {entry_text(entry)}", fix)
