"""What goes on of a client's headers, to Fanout or to a backend. Pure, given the request's own facts."""

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.headers import hop_by_hop_names, is_pin, is_platform_header, list_items
from fanroute_runtime.messages import Refused, Request
from fanroute_runtime.plan import HeaderRules

EXTENSIONS = "sec-websocket-extensions"


def with_x_forwarded(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Rules that also tell of the client's connection, in place of all that the client claims in the platform's name."""
    connection = (
        ("x-forwarded-for", (request.client_address() or "unknown").encode()),
        ("x-forwarded-host", client.authority.encode()),
        ("x-forwarded-proto", client.proto.encode()),
    )
    told = {name for name, _ in connection}
    claimed = (name for name in client.names if is_platform_header(name) and name not in told)
    return HeaderRules(connection + rules.set, rules.add, (*rules.remove, *claimed))


def rules_for_backend(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Rules for a request that the edge sends itself: they also remove what concerns the connection it came on, and any pin."""
    connection = request.values("connection") if "connection" in client.names else []
    # The rules' removals come first, so that what Connection names can be set again.
    gone = dict.fromkeys((*rules.remove, *filter(is_pin, client.names), *hop_by_hop_names(client.names, connection)))
    return HeaderRules(rules.set, rules.add, tuple(gone))


def rules_for_fanout(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Rules for a request that Fastly sends, which keeps some headers as they are, whatever the rules.

    Raises Refused (400) where these would undo the rules.
    """
    if "pushpin-route" in client.names:
        raise Refused(400, "Pushpin-Route is not a client's to send.")
    if "connection" in client.names:
        ours = {name for name, _ in rules.set + rules.add}
        named = list_items(request.values("connection"))
        if not ours.isdisjoint(named) or any(map(is_pin, named)):
            raise Refused(400, "Connection names a header that the edge sets.")
    if {"content-type", "upgrade"}.issubset(client.names) and client.websocket:
        # Pushpin would send it on before its own, that of the WebSocket's events.
        return HeaderRules(rules.set, rules.add, tuple(dict.fromkeys((*rules.remove, "content-type"))))
    return rules


def rules_for_tunnel(rules: HeaderRules, request: Request, client: ClientRequest) -> HeaderRules:
    """Rules for a WebSocket that Fastly joins to the backend's: its extensions stay, but for Fanout's. Raises Refused (400)."""
    rules = rules_for_fanout(rules, request, client)
    if EXTENSIONS not in rules.remove or any(
        offer.partition(";")[0].strip() == "grip" for offer in list_items(request.values(EXTENSIONS))
    ):
        return rules
    return HeaderRules(rules.set, rules.add, tuple(name for name in rules.remove if name != EXTENSIONS))
