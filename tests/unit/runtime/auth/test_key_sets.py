"""Tests that a token is verified with the key that it names in a JWKS document of a store."""

from dataclasses import replace
from typing import Any

import pytest

from fanroute.plan.request import RequestData
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.plan.tokens import TEST_KEY, TOKEN_ENTRY, make_token
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Answer, Decision, ToFanout, text_answer
from fanroute_runtime.plan import Algorithm, StoreEntry
from fanroute_runtime.plan.auth import Auth, KeySet
from tests.support.tokens import CLAIMS, KEYS, by_joserfc, by_pyjwt
from tests.unit.runtime.auth.test_guard import BEARER, ask, decider, refusal, refused
from tests.unit.runtime.jose.test_jwks import EC_JWK, OCT_JWK, RSA_JWK, document

CONFIG, SECRETS = StoreEntry("config", "edge", "jwks"), StoreEntry("secret", "edge", "jwks")
TWO = document({**EC_JWK, "kid": "a"}, {**RSA_JWK, "kid": "b"})
UNKNOWN = refused("it is not signed with a key that the edge knows")
UNREADABLE = "A key that the edge needs to verify tokens is missing or unusable."
UNUSABLE = {(text_answer(500, UNREADABLE), UNREADABLE)}


def auth(*algorithms: Algorithm, stored: StoreEntry = CONFIG, **further: Any) -> Auth:
    return Auth((), BEARER, 0, key_sets=(KeySet(algorithms or ("ES256", "RS256"), stored),), **further)


def asked(token: bytes, held: bytes | None, stored: StoreEntry = CONFIG) -> RequestData:
    """Returns a request with a token, to an edge whose store has a document."""
    entries = {} if held is None else {stored.name: held}
    if stored.kind == "secret":
        return replace(ask(token), secrets={stored.store: entries})
    return replace(ask(token), configs={stored.store: {name: value.decode() for name, value in entries.items()}})


def decide(request: RequestData, required: Auth) -> Decision:
    one = decider(required)
    one.forget()
    return one.decide(request)


def outcome(token: bytes, held: bytes | None, required: Auth | None = None, stored: StoreEntry = CONFIG) -> Any:
    """Returns "admitted", or the refusal."""
    request, required = asked(token, held, stored), required or auth(stored=stored)
    if isinstance(decide(request, required), ToFanout):
        return "admitted"
    return {refusal(decider(required), request)}


@pytest.mark.parametrize("sign", [by_pyjwt, by_joserfc])
def test_the_key_is_the_one_that_the_token_names(sign: Any) -> None:
    assert outcome(sign(CLAIMS, "ES256", kid="a"), TWO) == "admitted"
    assert outcome(sign(CLAIMS, "RS256", kid="b"), TWO) == "admitted"
    for algorithm, kid in (("ES256", "b"), ("RS256", "a"), ("ES256", "c"), ("ES256", "")):
        assert outcome(sign(CLAIMS, algorithm, kid=kid), TWO) == UNKNOWN
    assert outcome(sign(CLAIMS, "ES256"), TWO) == UNKNOWN


def test_a_key_without_an_id_is_for_any_token() -> None:
    for header in ({}, {"kid": "a"}, {"kid": "other"}):
        assert outcome(by_pyjwt(CLAIMS, "ES256", **header), document(EC_JWK)) == "admitted"


def test_of_several_keys_with_an_id_each_is_tried() -> None:
    first = {**EC_JWK, "x": EC_JWK["y"], "kid": "a"}  # not on the curve
    for keys in ([first, EC_JWK | {"kid": "a"}], [RSA_JWK | {"kid": "a"}, EC_JWK | {"kid": "a"}]):
        assert outcome(by_pyjwt(CLAIMS, "ES256", kid="a"), document(*keys)) == "admitted"


def test_a_key_is_for_its_algorithm() -> None:
    """A token cannot choose another algorithm than routes.yaml and the key say."""
    assert outcome(by_pyjwt(CLAIMS, "RS256", kid="b"), TWO, auth("ES256")) == UNKNOWN
    held = document({**RSA_JWK, "alg": "RS512", "kid": "b"})
    assert outcome(by_pyjwt(CLAIMS, "RS256", kid="b"), held) == UNKNOWN


@pytest.mark.parametrize("held", [None, b"", b"{}", b"[1]", b'{"keys": 5}', TWO[:-1], b"-----BEGIN PUBLIC KEY-----"])
def test_a_document_that_is_missing_or_unusable(held: bytes | None) -> None:
    assert outcome(by_pyjwt(CLAIMS, "ES256", kid="a"), held) == UNUSABLE
    # It is not read for a token whose algorithm it may not have.
    assert outcome(by_pyjwt(CLAIMS, "HS256", kid="a"), held) == UNKNOWN


def test_a_secret_counts_in_a_secret_store_only() -> None:
    token, held = by_pyjwt(CLAIMS, "HS256", kid="a"), document(OCT_JWK | {"kid": "a"})
    assert outcome(token, held, auth("HS256", stored=SECRETS), SECRETS) == "admitted"
    assert outcome(token, held, auth("HS256")) == UNKNOWN


@pytest.mark.parametrize("stored", [CONFIG, SECRETS])
def test_a_private_key_is_not_used(stored: StoreEntry) -> None:
    held = document(EC_JWK | {"kid": "a", "d": "AQ"})
    assert outcome(by_pyjwt(CLAIMS, "ES256", kid="a"), held, stored=stored) == UNKNOWN


def test_single_keys_and_documents_go_together() -> None:
    required = replace(auth(), keys=(KEYS["HS256"],))
    one = decider(required)
    one.forget()
    request = replace(asked(by_pyjwt(CLAIMS, "HS256"), None))
    assert isinstance(one.decide(request), ToFanout)
    both = replace(required, key_sets=(*required.key_sets, KeySet(("ES256",), StoreEntry("config", "edge", "more"))))
    held = replace(
        ask(by_pyjwt(CLAIMS, "ES256")), configs={"edge": {"jwks": document().decode(), "more": document(EC_JWK).decode()}}
    )
    assert isinstance(decide(held, both), ToFanout)


def test_a_sandbox_keeps_a_document() -> None:
    """The next sandbox reads it anew."""
    one, token = decider(auth()), by_pyjwt(CLAIMS, "ES256", kid="a")
    one.forget()
    assert isinstance(one.decide(asked(token, TWO)), ToFanout)
    assert isinstance(one.decide(asked(token, None)), ToFanout)
    one.forget()
    assert isinstance(one.decide(asked(token, document())), Answer)


def test_a_token_of_fanroute_is_accepted_on_local_edges_only() -> None:
    token = make_token(CLAIMS, TEST_KEY).encode()
    local = {LOCAL_STORE: {**LOCAL_ENTRIES, TOKEN_ENTRY: TEST_KEY}, "edge": {"jwks": TWO.decode()}}
    request = replace(ask(token), configs=local)
    assert isinstance(decide(replace(request, service=LOCAL_SERVICE), auth()), ToFanout)
    assert isinstance(decide(replace(request, service="SU1Z0isxPaozGVKXdv0eY"), auth()), Answer)
