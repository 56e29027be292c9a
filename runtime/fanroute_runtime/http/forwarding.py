"""Decides which of a client's headers go to Fanout or to a backend. It only reads facts of the request."""

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import hop_by_hop_names, is_own_header, is_platform_header, list_items
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import HeaderRules

EXTENSIONS = "sec-websocket-extensions"


def with_x_forwarded(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Adds X-Forwarded-* to rules, and the removal of all headers that only the edge or Fanout may set."""
    connection = (
        ("x-forwarded-for", (request.client_address() or "unknown").encode()),
        ("x-forwarded-host", client.authority.encode()),
        ("x-forwarded-proto", client.proto.encode()),
    )
    replaced = {name for name, _ in connection}
    forged = (name for name in client.names if is_platform_header(name) and name not in replaced)
    return HeaderRules(connection + rules.set, rules.add, (*rules.remove, *forged))


def rules_for_backend(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Returns rules for a request that the edge sends to a backend. They also remove hop-by-hop headers and the edge's own."""
    connection = request.values("connection") if "connection" in client.names else []
    # Removals are applied before the rules set headers, so a header that Connection names can be set again.
    removed = dict.fromkeys((*rules.remove, *filter(is_own_header, client.names), *hop_by_hop_names(client.names, connection)))
    return HeaderRules(rules.set, rules.add, tuple(removed))


def rules_for_fanout(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Returns rules for a request that Fastly hands off. Fastly keeps some headers unchanged, whatever the rules say.

    Raises Refused (400) if such a header would undo the rules.
    """
    if "pushpin-route" in client.names:
        raise Refused(400, "A client must not send the header Pushpin-Route.")
    if "connection" in client.names:
        ours = {name for name, _ in rules.set + rules.add}
        named = list_items(request.values("connection"))
        if not ours.isdisjoint(named) or any(map(is_own_header, named)):
            raise Refused(400, "The header Connection must not name a header that the edge sets.")
    if {"content-type", "upgrade"}.issubset(client.names) and client.websocket:
        # Pushpin would send it before its own Content-Type, which says that the body has a WebSocket's events.
        return HeaderRules(rules.set, rules.add, tuple(dict.fromkeys((*rules.remove, "content-type"))))
    return rules


def rules_for_tunnel(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Returns rules for a WebSocket that Fastly tunnels to a backend. Its extensions stay, unless one is `grip`.

    Raises Refused (400).
    """
    rules = rules_for_fanout(rules, request, client)
    if EXTENSIONS not in rules.remove or any(
        offer.partition(";")[0].strip() == "grip" for offer in list_items(request.values(EXTENSIONS))
    ):
        return rules
    return HeaderRules(rules.set, rules.add, tuple(name for name in rules.remove if name != EXTENSIONS))
