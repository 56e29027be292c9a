"""Asks a server whether it accepts Fanout's Grip-Sig, through the edge, and whether it refuses a forged one, directly.

The server has a route for this question. Its answer is JSON: `{"signed": true, "has_signature": true, "issuer": "viceroy"}`.
"""

import asyncio
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fanroute.devserver.running import FoundEdge, find_running
from fanroute.devserver.upstream import Unreachable
from fanroute.doctor.backends import failure_finding
from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.doctor.network import Network
from fanroute.plan.backend import Backend
from fanroute.plan.request import LOCAL_CLIENT, RequestData
from fanroute.plan.signing import DEV_KEY, LIFETIME, LOCAL_ENTRIES, forged_grip_sig, sign_token
from fanroute.plan.trace import Tracer
from fanroute_runtime.grip.signature import FASTLY_ISSUER, LOCAL_KEY
from fanroute_runtime.local import LOCAL_STORE
from fanroute_runtime.messages import ToFanout
from fanroute_runtime.plan import Handoff

_SUBJECT, _FORGED = "whoami", "whoami (forged)"
# The longest answer that is read, in bytes.
_MAX_ANSWER = 65_536
# The longest issuer that is printed, in characters.
_MAX_ISSUER = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """Represents a server's answer.

    Attributes:
        signed: True if the server accepts the request's Grip-Sig.
        has_signature: True if the request had a Grip-Sig.
        issuer: who has signed it, as text that can be printed; "" if the server does not say.
    """

    signed: bool
    has_signature: bool
    issuer: str


@dataclass(frozen=True, slots=True)
class _Question:
    """Says what is asked: the URL at the edge, and the server, with the path that it gets, behind it."""

    url: str
    is_local: bool
    backend: Backend
    path: str

    @property
    def direct_url(self) -> str:
        """Returns the server's URL, without a path."""
        return ((self.backend.local if self.is_local else None) or self.backend.url).rstrip("/")

    @property
    def host(self) -> str:
        """Returns the Host header that the server gets, or "" for that of its URL."""
        return self.backend.options.override_host if self.is_local else self.backend.host_header


async def check_whoami(examined: Examined) -> Findings:
    """Asks the server behind the route for the path or URL `examined.whoami`."""
    assert examined.network is not None
    is_local = examined.whoami.startswith("/")
    edge = find_running(examined.workspace)
    if is_local and not edge.is_certain:
        fix = "Start it, or name a service: `--whoami https://chat.example.com/whoami`."
        yield Finding(_SUBJECT, "skipped", "no `fanroute serve` runs for this folder", fix)
        return
    question = _question(examined, edge.edge + examined.whoami if is_local else examined.whoami, is_local, edge)
    if question is None:
        fix = "Give this path a route with `handoff` to your server."
        yield Finding(_SUBJECT, "error", f"{examined.whoami}: no route hands it off, so its request has no Grip-Sig", fix)
        return
    for finding in await asyncio.gather(_ask_edge(question, examined), _ask_server(question, examined)):
        yield finding


def _question(examined: Examined, url: str, is_local: bool, edge: FoundEdge) -> _Question | None:
    """Finds the server that a URL is handed off to. Returns None if none is."""
    assert examined.compiled is not None
    hosts = edge.hosts or {} if is_local else {}
    request = RequestData("GET", url, configs={LOCAL_STORE: {**LOCAL_ENTRIES, **hosts}}, address=LOCAL_CLIENT)
    tracer = Tracer(examined.compiled.plan, examined.compiled.loopback_host)
    route = tracer.route_of(request)
    if route is None or not isinstance(route.action, Handoff):
        return None
    decision = tracer.trace(request).decision
    rewritten = decision.uri if isinstance(decision, ToFanout) else None
    (backend,) = (backend for backend in examined.compiled.backends if backend.name == route.action.backend)
    return _Question(url, is_local, backend, _target(rewritten or url))


async def _ask_edge(question: _Question, examined: Examined) -> Finding:
    """Asks through the edge, as a client does."""
    assert examined.network is not None
    url, (scheme, authority, *_) = question.url, urlsplit(question.url)
    try:
        status, identity = await _ask(examined.network, f"{scheme}://{authority}", "", _target(url))
    except Unreachable as failure:
        return failure_finding(_SUBJECT, f"{scheme}://{authority}", failure, question.is_local, examined.environment)
    if identity is None:
        fix = "Let the server answer as docs/doctor.md says, also for this client."
        return Finding(_SUBJECT, "error", f"{url} answers {status}, and not whether the request is signed", fix)
    if identity.signed:
        return Finding(_SUBJECT, "ok", f"{url}: signed{f' by {identity.issuer}' if identity.issuer else ''}")
    if identity.has_signature:
        service = "" if question.is_local else " --service ID"
        fix = f"Give it the GRIP_URL that `fanroute grip-url{service}` prints. docs/origins.md says what libraries need."
        return Finding(_SUBJECT, "error", f"{url}: not signed: the server does not accept Fanout's Grip-Sig", fix)
    fix = "See that Fanout is enabled on the service, and that it has the routes of this routes.yaml."
    return Finding(_SUBJECT, "error", f"{url}: not signed: the server got no Grip-Sig", fix)


async def _ask_server(question: _Question, examined: Examined) -> Finding:
    """Asks the server directly, with forged values of Grip-Sig."""
    network, url = examined.network, question.direct_url
    assert network is not None
    forged = forged_signatures(int(network.now()), question.is_local, examined.service_id)
    asked = (_ask(network, url, question.host, question.path, signature) for signature in forged.values())
    try:
        answers = await asyncio.gather(*asked)
    except Unreachable as failure:
        return failure_finding(_FORGED, url, failure, question.is_local, examined.environment)
    accepted = [kind for kind, (_, identity) in zip(forged, answers, strict=True) if identity and identity.signed]
    if accepted:
        fix = "Let it verify Grip-Sig. docs/origins.md names libraries that do not."
        return Finding(_FORGED, "error", f"{url}{question.path} takes a Grip-Sig for good {accepted[0]}", fix)
    return Finding(_FORGED, "ok", f"{url}{question.path} refuses it")


def forged_signatures(now: int, is_local: bool, service: str) -> dict[str, bytes]:
    """Returns values of Grip-Sig that a server must refuse, by what is wrong with them. `now` is in seconds since 1970.

    Nobody but Fastly can sign with the right key for another issuer, except for a local edge, whose key everybody knows.
    """
    claims = {"exp": now + LIFETIME, "iss": LOCAL_KEY.issuer if is_local else FASTLY_ISSUER.format(service)}
    forged = {
        "with a signature that is not valid": forged_grip_sig(now),
        "with the signature of another key": sign_token(claims, secrets.token_bytes(32)),
    }
    if is_local:
        forged["of another issuer"] = sign_token(claims | {"iss": "somebody"}, DEV_KEY.encode())
    return forged


async def _ask(network: Network, url: str, host: str, path: str, signature: bytes | None = None) -> tuple[int, Identity | None]:
    """Returns the status of an answer, and what it says. Raises Unreachable."""
    headers = [] if signature is None else [("Grip-Sig", signature)]
    reply = await network.ask(url, host, path, headers, _MAX_ANSWER)
    return reply.status, identity_of(reply.body) if reply.status == 200 else None


def identity_of(body: bytes) -> Identity | None:
    """Reads a server's answer. Returns None if it does not say whether the request was signed."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("signed"), bool):
        return None
    issuer = answer.get("issuer")
    if not (isinstance(issuer, str) and issuer.isprintable() and len(issuer) <= _MAX_ISSUER):
        issuer = ""
    return Identity(answer["signed"], answer.get("has_signature") is not False, issuer)


def _target(url: str) -> str:
    """Returns the path and the query of a URL."""
    _, _, path, query, _ = urlsplit(url)
    return (path or "/") + (f"?{query}" if query else "")
