"""Tests which of a client's headers are forwarded."""

import pytest

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.forwarding import rules_for_backend, rules_for_fanout, rules_for_tunnel, with_x_forwarded
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import HeaderRules
from tests.unit.runtime.test_decide import CONNECTION, Asked

RULES = HeaderRules(set=(("x-set", b"1"),), add=(("x-add", b"1"),), remove=("x-gone",))
CLAIMED = (
    "connection-id forwarded grip-hold grip_sig grip-x meta-user meta_user sec-websocket-extensions "
    "x-forwarded-port x-forwarded-prefix x_forwarded_for x-forwarded-"
).split()
OTHERS = "x-gone accept cookie x-meta-a grip metadata forwarded-for connection-idle x-forwarded fastly-client-ip".split()


def told(*names: str, **values: bytes) -> tuple[HeaderRules, Asked, ClientRequest]:
    """Returns the rules of a first pass, with the request and the client for which they are."""
    headers = dict.fromkeys(names, b"x") | {name.replace("_", "-"): value for name, value in values.items()}
    request = Asked(headers=headers)
    client = ClientRequest(request, through_fanout=False)
    return with_x_forwarded(RULES, request, client), request, client


def test_what_a_client_claims_in_the_platforms_name_goes() -> None:
    rules, _, _ = told(*OTHERS, *CLAIMED, "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")
    assert rules == HeaderRules((*CONNECTION, *RULES.set), RULES.add, ("x-gone", *CLAIMED))


def test_a_forward_leaves_the_connection_behind() -> None:
    rules, request, client = told("te", "upgrade", "x-hop", "x-other", connection=b"X-Hop, x-gone\nx-absent,x-set")
    rules = rules_for_backend(rules, request, client)
    assert rules.remove == ("x-gone", "te", "upgrade", "x-hop", "connection")
    assert rules.set == (*CONNECTION, *RULES.set)


@pytest.mark.parametrize("named", ["X-Forwarded-Host", "x-set", "close,X-ADD"])
@pytest.mark.parametrize("hand", [rules_for_fanout, rules_for_tunnel])
def test_what_fastly_keeps_undoes_no_rule(named: str, hand: type) -> None:
    for value in (named.encode(), b"close\n" + named.encode()):
        with pytest.raises(Refused, match="Connection must not name") as refused:
            hand(*told(connection=value))
        assert refused.value.status == 400
    rules, request, client = told(connection=b"keep-alive, Upgrade, X-Gone, x-forwarded")
    assert hand(rules, request, client) == rules


@pytest.mark.parametrize("hand", [rules_for_fanout, rules_for_tunnel])
def test_nobody_chooses_pushpins_route(hand: type) -> None:
    with pytest.raises(Refused, match="Pushpin-Route"):
        hand(*told("pushpin-route"))
    assert "pushpin-route" in rules_for_backend(*told("pushpin-route")).remove


def test_a_handshake_has_no_type_of_its_own() -> None:
    """The events that follow have the Content-Type of Fanout."""
    assert "content-type" in rules_for_fanout(*told(upgrade=b"websocket", content_type=b"text/plain")).remove
    assert "content-type" not in rules_for_fanout(*told(upgrade=b"h2c", content_type=b"text/plain")).remove


@pytest.mark.parametrize("offer", [b"grip", b"permessage-deflate, GRIP", b'permessage-deflate\ngrip; message-prefix=""'])
def test_a_tunnel_carries_no_extension_of_fanouts(offer: bytes) -> None:
    assert "sec-websocket-extensions" in rules_for_tunnel(*told(sec_websocket_extensions=offer)).remove


@pytest.mark.parametrize("offer", [b"permessage-deflate; client_max_window_bits", b"gripe", b"x; grip", b""])
def test_a_tunnel_keeps_other_extensions(offer: bytes) -> None:
    rules, request, client = told("meta-a", sec_websocket_extensions=offer)
    assert rules_for_tunnel(rules, request, client).remove == ("x-gone", "meta-a")
    assert "sec-websocket-extensions" in rules_for_fanout(rules, request, client).remove
