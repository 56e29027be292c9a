"""Checks that the backends can be reached, in production and locally."""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from fanroute.devserver.forwarding import Headers
from fanroute.devserver.upstream import Unreachable
from fanroute.doctor.finding import Examined, Finding, Findings, Status
from fanroute.doctor.network import LIMIT, Network, Reply
from fanroute.plan.backend import PUBLISH_BACKEND, Backend
from fanroute.plan.signing import grip_sig
from fanroute_runtime.plan import Handoff, Plan

# The variables that name a proxy for requests to other machines, in lower case.
_PROXY = ("https_proxy", "http_proxy", "all_proxy")
# The failures that can be due to a network without a direct way out.
_WITHOUT_WAY_OUT = {"dns-error", "connection-refused", "connection-timeout", "http-response-timeout"}

# By the failure's name: how serious it is in production, what it is, and its fix.
_FAILURES: dict[str, tuple[Status, str, str]] = {
    "dns-error": ("error", "its name has no address", "Correct the host in routes.yaml, or its DNS."),
    "tls-certificate-error": (
        "error",
        "its certificate is not valid",
        "Install one for this name that a public authority has signed: Fastly checks it too.",
    ),
    "tls-protocol-error": ("error", "it does not speak TLS there", "Correct the port or the scheme in routes.yaml."),
    "connection-refused": ("error", "it cannot be connected to", "Start the server, or correct its URL in routes.yaml."),
    "connection-terminated": ("error", "it ends the connection without an answer", "Look into the server's log."),
    "http-protocol-error": ("error", "its answer is not HTTP/1.1", "Correct the port in routes.yaml."),
}
_TOO_SLOW: tuple[Status, str, str] = (
    "warning",
    f"it has not answered within {LIMIT:.0f} s",
    "Look into the server's log; if it accepts only Fastly's addresses, that is as it should be.",
)


async def check_backends(examined: Examined) -> Findings:
    """Sends a GET to each backend, at its `url` and its `local` URL."""
    assert examined.compiled is not None and examined.network is not None
    network, compiled = examined.network, examined.compiled
    found = await asyncio.gather(
        *(
            _look(backend, where, compiled.plan, network, examined)
            for backend in compiled.backends
            if backend != PUBLISH_BACKEND  # Fastly's own API
            for where in ("url", "local")
        )
    )
    for finding in found:
        if finding:
            yield finding


async def _look(backend: Backend, where: str, plan: Plan, network: Network, examined: Examined) -> Finding | None:
    """Looks at one URL of a backend. Returns None if it has none."""
    local = where == "local"
    url = backend.local if local else backend.url
    if url is None or (local and backend.loopback):
        return None
    subject = f"backend '{backend.name}' ({where})"
    if backend.loopback and not examined.service_id:
        return Finding(subject, "skipped", "the service is not published yet", "Publish it with `fastly compute publish`.")
    hands_off = any(isinstance(route.action, Handoff) and route.action.backend == backend.name for route in plan.routes)
    path = "/" if backend.loopback else example_path(plan, backend.name)
    # Only Fastly can sign for a server in production. A local edge signs with a key that everybody knows.
    signature: Headers = [("Grip-Sig", grip_sig(int(network.now())))] if local and hands_off else []
    try:
        host = backend.options.override_host if local else backend.host_header
        reply = await network.ask(url.rstrip("/"), host, path, signature)
    except Unreachable as failure:
        return failure_finding(subject, url, failure, local, examined.environment)
    if not local:
        network.note_clock(reply.headers)
    return reply_finding(subject, url.rstrip("/") + path, reply, hands_off)


def example_path(plan: Plan, backend: str) -> str:
    """Returns the path of a route that hands off to a backend, if GET and a path without parameters lead to it, or else "/"."""
    for route in plan.routes:
        path = route.match.path
        if isinstance(route.action, Handoff) and route.action.backend == backend and path and not path.rest:
            names = [segment for segment in path.segments if isinstance(segment, str)]
            if len(names) == len(path.segments) and (not route.match.methods or "GET" in route.match.methods):
                return "".join(f"/{quote(name, safe='')}" for name in names)
    return "/"


def reply_finding(subject: str, url: str, reply: Reply, hands_off: bool) -> Finding:
    """Describes an answer. `hands_off` says that a route hands off to the backend, so it may answer with GRIP instructions."""
    text = f"{url} answers {reply.status}"
    if hands_off:
        text += f", {'with' if has_instructions(reply) else 'without'} GRIP instructions"
    if reply.status >= 500:
        return Finding(subject, "warning", text, "Look into the server's log.")
    return Finding(subject, "ok", text)


def has_instructions(reply: Reply) -> bool:
    """Returns True if an answer tells Fanout what to do. Source: https://pushpin.org/docs/protocols/grip/"""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/grip-instruct" or any(name in reply.headers for name in ("grip-hold", "grip-channel"))


def failure_finding(subject: str, url: str, failure: Unreachable, local: bool, environment: Mapping[str, str]) -> Finding:
    """Describes why there is no answer."""
    status, text, fix = _FAILURES.get(failure.detail, _TOO_SLOW)
    proxied = any(environment.get(name) or environment.get(name.upper()) for name in _PROXY)
    if not local and proxied and failure.detail in _WITHOUT_WAY_OUT:
        reason = "this machine has a proxy for other machines, so it cannot tell if Fastly reaches the backend"
        return Finding(subject, "skipped", reason, "Run `fanroute doctor` where no proxy is needed.")
    cause = failure.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        text += f" ({cause.verify_message.rstrip('.')})"
    if local:
        fix = f"Start the server at {urlsplit(url).netloc}, or correct `local` in routes.yaml."
    return Finding(subject, "warning" if local else status, f"{url}: {text}", fix)
