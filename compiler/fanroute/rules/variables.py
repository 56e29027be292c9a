"""Reports what does nothing where it stands: variables that are not read, and addresses that Fastly cannot reach."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.syntax.source import Path, Source
from fanroute.syntax.variables import takes_variables, variable_names
from fanroute_runtime.plan import Plan

FR407 = Rule(
    "FR407",
    "warning",
    "variables of the environment are used only where they are read",
    "In backends and in the hosts of a match, `${NAME}` is replaced by a variable. Anywhere else it is text: a header "
    "`Authorization: Bearer ${KEY}` is sent with exactly these characters. In channels, `meta`, locations, links and claims, "
    "`${room}` is a `$` and the value of `{room}`.",
    START + "routes:\n  - forward: origin\n    request_headers: {set: {X-Region: '${REGION}'}}\n",
    "Write the value itself, or `{room}` for a value of the request. Never write a secret, because everybody who has the "
    "component can read it; your origin can add it instead. If the text is meant in a body, use a `file`.",
)

FR412 = Rule(
    "FR412",
    "warning",
    "a backend's address is one that Fastly can reach",
    "The `url` is the server's address in production. From Fastly's machines, `localhost`, a private address such as "
    "10.0.0.5, and a name without a domain lead somewhere else, or nowhere.",
    "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://localhost:3000'}\nroutes:\n"
    "  - match: {path: /live}\n    handoff: origin\n",
    "Write the public address as `url`, and the private one as `local`, which only `fanroute serve` uses.",
)


# Texts that may be scripts, in which `${name}` has a meaning of its own.
_CONTENTS = ("body", "data")
# Domains that no public DNS has (RFC 6761, 6762 and 8375, and ICANN's for private use).
_PRIVATE = (".localhost", ".local", ".home.arpa", ".internal", ".test", ".invalid")


def variables_are_where_they_count(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR407: a variable is in a place where none is read, or a '$' precedes a reference as if that were a variable."""
    templates = {place for index, route in raw.routes(source) for place, _ in raw.templates(index, route)}
    templates |= {place for path, auth in raw.auths(source) for place, _ in raw.claim_values(path, auth)}
    for path, text in _texts((), source.data):
        if "${" not in text or takes_variables(path):
            continue
        if path in templates:
            # Whatever is in braces there is bound: anything else was an error.
            reference = "{" + text.partition("${")[2].partition("}")[0] + "}"
            message = f"'${reference}' is no variable here: it is a '$' and the value of {reference}"
            yield Diagnostic(FR407, message, source.value_span(path), f"write '{reference}'")
            continue
        name = next((name for name in variable_names(text) if name.isupper() or path[-1] not in _CONTENTS), None)
        if name is not None:
            mend = "write the value: variables are for a backend's 'url', 'local' and 'host', and for the hosts of a match"
            yield Diagnostic(FR407, f"the variable '{name}' is not read here: this is text", source.value_span(path), mend)


def _texts(path: Path, data: Any) -> Iterator[tuple[Path, str]]:
    """Yields the texts in some data, with their places."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _texts((*path, key), value)


def backends_can_be_reached(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """Yields FR412: Fastly cannot reach the address of a backend."""
    for name, backend in raw.backends(source).items():
        if "url" in backend and _is_private(urlsplit(backend["url"]).hostname or ""):
            mend = "write the server's public address, and this one as 'local', which only the local edges use"
            span = source.value_span(("backends", name, "url"))
            yield Diagnostic(FR412, "Fastly cannot reach this address: it is private", span, mend)


def _is_private(host: str) -> bool:
    """Returns True if a host is an address or a name that the public Internet does not have."""
    try:
        # As browsers and curl read it: `127.1` is an address, too.
        return not ip_address(socket.inet_aton(host)).is_global
    except OSError:
        return "." not in host or f".{host}".endswith(_PRIVATE)
