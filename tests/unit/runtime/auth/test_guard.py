"""Tests which clients a route admits, on both passes: with tokens of two libraries, and with tokens that were tampered with."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jwt
import pytest

from fanroute.plan.request import TIME, RequestData
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.plan.tokens import TEST_KEY, TOKEN_ENTRY, make_token
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.auth.guard import LOCAL_TOKEN_KEY
from fanroute_runtime.decide import Decider
from fanroute_runtime.explain import ObservedDecider
from fanroute_runtime.grip.websocket import Event, encode
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.messages import Answer, Decision, ToBackend, ToFanout, ToWebSocket
from fanroute_runtime.plan import (
    Action,
    Algorithm,
    Bound,
    Channel,
    Condition,
    Cors,
    Forward,
    Handoff,
    HeaderRules,
    Hold,
    Key,
    Match,
    Parameter,
    PathPattern,
    Plan,
    Preflight,
    Redirect,
    Respond,
    Route,
    StoreEntry,
    Tunnel,
    WebSocket,
)
from fanroute_runtime.plan.auth import Auth, TokenPlace
from tests.support.tampering import tampered
from tests.support.tokens import (
    CLAIMS,
    EC,
    KEYS,
    OTHER_EC,
    OTHER_RSA,
    RSA,
    SECRET,
    SECRETS,
    SIGNERS,
    by_hand,
    by_joserfc,
    by_pyjwt,
    public,
)

BEARER = (TokenPlace("authorization"),)
AUTH = Auth((KEYS["HS256"],), BEARER, leeway=0)
SUB = Bound("claim", "sub")
CHANNEL = Channel(("user-", SUB))
HOLD = Hold("self", "stream", (CHANNEL,), ())
SOCKET = WebSocket("self", (CHANNEL,))
GOOD = by_pyjwt(CLAIMS, "HS256")


def decider(auth: Auth = AUTH, action: Action = HOLD, **route: Any) -> Decider:
    return decider_of(Plan("chat", (Route("only", Match(), action, auth=auth, **route),)))


@cache
def decider_of(plan: Plan) -> Decider:
    return make_full_decider(plan)


def ask(token: bytes | None = None, url: str = "https://a/", **headers: bytes) -> RequestData:
    """Returns a client's request, with the token, if any, in Authorization."""
    bearer = () if token is None else (("authorization", b"Bearer " + token),)
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return RequestData("GET", url, (*bearer, *given), secrets=SECRETS)


def through_fanout(asked: RequestData, auth: Auth = AUTH, action: Action = HOLD) -> RequestData:
    """Returns the request that Fanout sends in the client's place, even if the first pass does not admit the client."""
    return tracer_of(Plan("chat", (Route("only", Match(), action, auth=auth),))).through_fanout(asked)


@cache
def tracer_of(plan: Plan) -> Tracer:
    return Tracer(plan, "self")


def decide(asked: RequestData, auth: Auth = AUTH, action: Action = HOLD, **route: Any) -> Decision:
    return decider(auth, action, **route).decide(asked)


# An answer to a client, and the reason that the log has.
Refusal = tuple[Answer, str]


def refusals(asked: RequestData, auth: Auth = AUTH, action: Action = HOLD) -> set[Refusal]:
    """Returns the refusals of a request, on the first pass and on a second pass without a first."""
    endpoint = isinstance(action, Hold | WebSocket)
    passes = (asked, through_fanout(asked, auth, action)) if endpoint else (asked,)
    return {refusal(decider(auth, action), one) for one in passes}


def refusal(deciding: Decider, asked: RequestData) -> Refusal:
    verdict = ObservedDecider(deciding).judge(asked)
    assert isinstance(verdict.decision, Answer) and verdict.decision == deciding.decide(asked)
    return verdict.decision, verdict.refusal


def answered(status: int, text: str, error: str) -> Answer:
    challenge = f'Bearer realm="chat"{error}'.encode()
    headers = (("content-type", b"text/plain; charset=utf-8"), ("www-authenticate", challenge))
    return Answer(status, headers, f"{text}\n".encode())


# The answer to a request without a token, to each wrong token, and to each token with other claims than those needed.
NO_TOKEN = answered(401, "This request needs a valid token.", "")
WRONG_TOKEN = answered(401, "This request needs a valid token.", ', error="invalid_token"')
OTHER_CLAIMS = answered(403, "The token does not allow this request.", ', error="insufficient_scope"')
NEEDED = {(NO_TOKEN, "This request needs a token.")}


def refused(why: str) -> set[Refusal]:
    return {(WRONG_TOKEN, f"The token is refused: {why}.")}


def forbidden(what: str) -> set[Refusal]:
    return {(OTHER_CLAIMS, f"The token does not allow this, because of {what}.")}


def subscribed(asked: RequestData, auth: Auth = AUTH, action: Action = HOLD) -> str:
    """Returns the channels to which a request subscribes. Both passes must admit it."""
    first = decide(asked, auth, action)
    assert isinstance(first, ToFanout)
    answer = decide(through_fanout(asked, auth, action), auth, action)
    assert isinstance(answer, Answer)
    return dict(answer.headers)["grip-channel"].decode()


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("made", [by_pyjwt, by_joserfc], ids=["PyJWT", "joserfc"])
def test_what_others_sign_is_accepted(algorithm: Algorithm, made: Callable[..., bytes]) -> None:
    token = made(CLAIMS, algorithm)
    assert subscribed(ask(token), replace(AUTH, keys=(KEYS[algorithm],))) == "user-ann"
    assert subscribed(ask(token), replace(AUTH, keys=tuple(KEYS.values()))) == "user-ann"


@pytest.mark.parametrize("action", [HOLD, Handoff("o"), Forward("o"), Respond(200, (), b""), Redirect(302, ("/",))])
@pytest.mark.parametrize("verb", ["GET", "HEAD", "OPTIONS"])
def test_without_a_token_nothing_goes_on(action: Action, verb: str) -> None:
    assert refusals(replace(ask(), verb=verb), action=action) == NEEDED
    socket = ask(upgrade=b"websocket")
    assert refusals(socket, action=Tunnel("o")) == refusals(socket, action=SOCKET) == NEEDED


ES = by_pyjwt(CLAIMS, "ES256")
TAMPERED = tampered(CLAIMS, TIME)


@pytest.mark.parametrize("token", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_token_is_refused(token: bytes) -> None:
    """Also if there is a key for each algorithm."""
    ((answer, reason),) = refusals(ask(token), replace(AUTH, keys=tuple(KEYS.values())))
    assert (answer, reason.startswith("The token is refused: ")) == (WRONG_TOKEN, True)


@pytest.mark.parametrize("algorithm", KEYS)
def test_each_changed_byte_is_refused(algorithm: Algorithm) -> None:
    auth = replace(AUTH, keys=(KEYS[algorithm],))
    token, deciding = by_pyjwt(CLAIMS, algorithm), decider(auth)
    assert isinstance(deciding.decide(ask(token)), ToFanout)
    for index in range(0, len(token), 7):
        other = token[:index] + (b"A" if token[index : index + 1] != b"A" else b"B") + token[index + 1 :]
        answer = deciding.decide(ask(other))
        assert isinstance(answer, Answer) and answer.status == 401, index


def keyed(kid: str, secret: bytes) -> bytes:
    return jwt.encode(CLAIMS, secret, "HS256", headers={"kid": kid} if kid else {}).encode()


OLD, NEW = b"the old secret of the people who sign", b"the new secret of the people who sign"
ROTATION = replace(
    AUTH,
    keys=(
        Key("HS256", StoreEntry("secret", "edge", "old"), kid="2025"),
        Key("HS256", StoreEntry("secret", "edge", "new"), kid="2026"),
    ),
)


def test_a_local_token_is_accepted_where_the_local_store_has_its_key() -> None:
    """As one that a key of the route has signed: its claims and times are checked."""
    local = {LOCAL_STORE: {**LOCAL_ENTRIES, TOKEN_ENTRY: TEST_KEY}}
    for keys in (AUTH.keys, ROTATION.keys, (KEYS["RS256"],)):
        auth = replace(AUTH, keys=keys)
        asked = replace(ask(make_token(CLAIMS, TEST_KEY).encode()), configs=local)
        assert subscribed(asked, auth) == "user-ann"
        expired = replace(asked, headers=ask(make_token(CLAIMS | {"exp": TIME}, TEST_KEY).encode()).headers)
        assert refusals(expired, auth) == refused("it has expired")
        by_another = replace(asked, headers=ask(make_token(CLAIMS, f"{TEST_KEY}, another").encode()).headers)
        assert refusals(by_another, auth) == refused("it is not signed with a key that the edge knows")
    assert refusals(asked, replace(AUTH, issuers=("login",))) == refused("the edge does not accept its issuer")


@pytest.mark.parametrize("service", ["SU1Z0isxPaozGVKXdv0eY", "", "00000000000000000000000", "0000000000000000000000 "])
def test_a_local_token_is_refused_in_production(service: str) -> None:
    """Even if the service has a store of that name with that key."""
    local = {LOCAL_STORE: {**LOCAL_ENTRIES, TOKEN_ENTRY: TEST_KEY}}
    asked = replace(ask(make_token(CLAIMS, TEST_KEY).encode()), configs=local, service=service)
    assert {refusal(decider(), asked)} == refused("it is not signed with a key that the edge knows")
    assert subscribed(replace(asked, service=LOCAL_SERVICE)) == "user-ann"


def test_a_key_of_the_user_may_have_the_same_kid() -> None:
    token = by_pyjwt(CLAIMS, "HS256", kid=LOCAL_TOKEN_KEY.kid)
    in_production = replace(ask(token), service="SU1Z0isxPaozGVKXdv0eY")
    assert isinstance(decide(in_production), ToFanout)


def test_a_local_edge_without_the_key_says_so() -> None:
    decider().forget()
    answer = decide(ask(make_token(CLAIMS, TEST_KEY).encode()))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (500, b"A key that the edge needs to verify tokens is missing or unusable.\n")


@pytest.mark.parametrize(
    ("kid", "secret", "is_in"), [("2025", OLD, True), ("2026", NEW, True), ("2025", NEW, False), ("", NEW, False)]
)
def test_a_key_with_a_kid_is_for_its_tokens(kid: str, secret: bytes, is_in: bool) -> None:
    asked = replace(ask(keyed(kid, secret)), secrets={"edge": {"old": OLD, "new": NEW}})
    if is_in:
        assert subscribed(asked, ROTATION) == "user-ann"
    else:
        assert refusals(asked, ROTATION) == refused("it is not signed with a key that the edge knows")


def test_a_key_without_a_kid_is_for_any() -> None:
    assert subscribed(ask(by_pyjwt(CLAIMS, "HS256", kid="any"))) == "user-ann"


@pytest.mark.parametrize(
    "stored", [StoreEntry("secret", "edge", "x"), StoreEntry("secret", "x", "login"), StoreEntry("config", "x", "x")]
)
def test_without_its_key_the_edge_fails(stored: StoreEntry) -> None:
    """It answers with an error of its own, and admits nobody."""
    answer = decide(ask(GOOD), replace(AUTH, keys=(Key("HS256", stored),)))
    assert isinstance(answer, Answer) and answer.status == 500


def test_a_key_in_a_config_store() -> None:
    auth = replace(AUTH, keys=(Key("ES256", StoreEntry("config", "edge", "login")),))
    asked = replace(ask(ES), configs={**ask().configs, "edge": {"login": public(EC).decode()}})
    assert subscribed(asked, auth) == "user-ann"


def test_a_stored_key_is_read_once() -> None:
    deciding = decider()
    assert isinstance(deciding.decide(ask(GOOD)), ToFanout)
    assert isinstance(deciding.decide(replace(ask(GOOD), secrets={})), ToFanout)


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"Bearer  "])
def test_the_scheme_is_of_any_case(scheme: bytes) -> None:
    assert subscribed(ask(authorization=scheme + b" " + GOOD)) == "user-ann"


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"Bearer\t" + GOOD, b"Token " + GOOD, GOOD])
def test_another_scheme_has_no_token(value: bytes) -> None:
    assert refusals(ask(authorization=value)) == NEEDED


COOKIE = replace(AUTH, places=(TokenPlace("cookie", "session"),))
QUERY = replace(AUTH, places=(TokenPlace("query", "token"),))


@pytest.mark.parametrize(
    "cookie", [b"session=%s", b"a=b; session=%s", b"session=%s; a=b", b"a=b;session=%s ;c", b"xsession=x; session=%s"]
)
def test_a_token_in_a_cookie(cookie: bytes) -> None:
    assert subscribed(ask(cookie=cookie % GOOD), COOKIE) == "user-ann"


def test_a_cookie_in_one_of_several_headers() -> None:
    """HTTP/2 clients send them like this."""
    asked = ask()
    cookies = (("cookie", b"a=b"), ("cookie", b"session=" + GOOD))
    assert subscribed(replace(asked, headers=cookies), COOKIE) == "user-ann"


@pytest.mark.parametrize("cookie", [b"", b"session", b"session=", b"Session=%s", b"sessions=%s", b"a=session=%s", b"a; token=%s"])
def test_other_cookies_are_none(cookie: bytes) -> None:
    assert refusals(ask(cookie=cookie.replace(b"%s", GOOD)), COOKIE) == NEEDED


def test_two_tokens_in_one_place_are_refused() -> None:
    """Otherwise, whoever can set a cookie for a parent domain could choose the identity of another client."""
    two = b"session=" + GOOD
    assert refusals(ask(cookie=two + b"; " + two), COOKIE) == refused("the request has more than one")
    assert refusals(replace(ask(), headers=(("cookie", two), ("cookie", two))), COOKIE) == refused(
        "the request has more than one"
    )
    bearer = ("authorization", b"Bearer " + GOOD)
    assert refusals(replace(ask(), headers=(bearer, bearer))) == refused("the request has more than one")


@pytest.mark.parametrize("query", ["token={}", "a=b&token={}&c", "token={}&token=x", "%74oken={}"])
def test_a_token_in_the_query(query: str) -> None:
    assert subscribed(ask(url="https://a/?" + query.format(GOOD.decode())), QUERY) == "user-ann"


@pytest.mark.parametrize("query", ["", "token", "token=", "Token={}", "tokens={}", "token=&token={}"])
def test_other_parameters_are_none(query: str) -> None:
    assert refusals(ask(url="https://a/?" + query.format(GOOD.decode())), QUERY) == NEEDED


def test_a_parameter_that_is_no_text_is_no_token() -> None:
    assert refusals(ask(url="https://a/?token=%FF"), QUERY) == refused("it does not have three parts")


def test_the_first_place_that_has_one_counts() -> None:
    auth = replace(AUTH, places=(*BEARER, *COOKIE.places, *QUERY.places))
    url = f"https://a/?token={GOOD.decode()}"
    assert subscribed(ask(url=url), auth) == "user-ann"
    assert subscribed(ask(url=url, cookie=b"session=", authorization=b"Basic YTpi"), auth) == "user-ann"
    assert refusals(ask(b"x", url=url), auth) == refused("it does not have three parts")
    assert refusals(ask(url=url, cookie=b"session=x"), auth) == refused("it does not have three parts")


ISSUERS = replace(AUTH, issuers=("a", "b"))
AUDIENCES = replace(AUTH, audiences=("chat", "chat-dev"))
ISSUER, AUDIENCE = refused("the edge does not accept its issuer"), refused("it is for another audience")


@pytest.mark.parametrize("issuer", ["a", "b"])
def test_an_issuer_of_ours(issuer: str) -> None:
    assert subscribed(ask(by_pyjwt({**CLAIMS, "iss": issuer}, "HS256")), ISSUERS) == "user-ann"


@pytest.mark.parametrize("issuer", [{}, {"iss": "c"}, {"iss": "A"}, {"iss": ""}, {"iss": None}, {"iss": ["a"]}, {"iss": 1}])
def test_an_issuer_of_others(issuer: dict[str, Any]) -> None:
    assert refusals(ask(by_hand({"alg": "HS256"}, CLAIMS | issuer)), ISSUERS) == ISSUER


@pytest.mark.parametrize("audience", ["chat", ["chat-dev"], ["shop", "chat"]])
def test_an_audience_of_ours(audience: Any) -> None:
    assert subscribed(ask(by_pyjwt({**CLAIMS, "aud": audience}, "HS256")), AUDIENCES) == "user-ann"


@pytest.mark.parametrize("audience", [{}, {"aud": "shop"}, {"aud": []}, {"aud": ["shop"]}, {"aud": None}, {"aud": {"chat": 1}}])
def test_an_audience_of_others(audience: dict[str, Any]) -> None:
    assert refusals(ask(by_hand({"alg": "HS256"}, CLAIMS | audience)), AUDIENCES) == AUDIENCE


@pytest.mark.parametrize("audience", ["chat", [], None])
def test_a_token_for_somebody_is_not_for_anybody(audience: Any) -> None:
    """If the route names no audience, a token with one is refused (RFC 7519, 4.1.3)."""
    assert refusals(ask(by_hand({"alg": "HS256"}, {**CLAIMS, "aud": audience}))) == AUDIENCE


def test_the_leeway() -> None:
    auth = replace(AUTH, leeway=10)
    for times, is_in in [
        ({"exp": TIME - 9}, True),
        ({"exp": TIME - 10}, False),
        ({"nbf": TIME + 10}, True),
        ({"nbf": TIME + 11}, False),
    ]:
        assert isinstance(decide(ask(by_pyjwt(CLAIMS | times, "HS256")), auth), ToFanout) == is_in, times


MEMBER = Condition("role", ("member", "admin"))
TENANT = Condition("tenant", pattern="[a-z]+")


@pytest.mark.parametrize(
    ("condition", "claims"),
    [
        (MEMBER, {"role": "admin"}),
        (MEMBER, {"role": ["guest", "member"]}),
        (Condition("level", ("3",)), {"level": 3}),
        (Condition("verified", ("true",)), {"verified": True}),
        (TENANT, {"tenant": "acme"}),
        (TENANT, {"tenant": [1, "acme"]}),
        (Condition("email"), {"email": "a@b.example"}),
        (Condition("email"), {"email": ""}),
        (Condition("email"), {"email": False}),
        (Condition("banned", present=False), {}),
        (Condition("banned", present=False), {"banned": None}),
    ],
)
def test_claims_that_fit(condition: Condition, claims: dict[str, Any]) -> None:
    assert subscribed(ask(by_pyjwt(CLAIMS | claims, "HS256")), replace(AUTH, claims=(condition,))) == "user-ann"


@pytest.mark.parametrize(
    ("condition", "claims"),
    [
        (MEMBER, {}),
        (MEMBER, {"role": "Member"}),
        (MEMBER, {"role": []}),
        (MEMBER, {"role": [["member"]]}),
        (MEMBER, {"role": {"member": "member"}}),
        (MEMBER, {"role": None}),
        (Condition("verified", ("True",)), {"verified": True}),
        (TENANT, {"tenant": "acme2"}),
        (TENANT, {"tenant": ["ACME", None]}),
        (Condition("email"), {}),
        (Condition("email"), {"email": None}),
        (Condition("banned", present=False), {"banned": False}),
    ],
)
def test_claims_that_do_not_fit(condition: Condition, claims: dict[str, Any]) -> None:
    auth = replace(AUTH, claims=(condition,))
    assert refusals(ask(by_pyjwt(CLAIMS | claims, "HS256")), auth) == forbidden(f"the claim {condition.name}")


OF_PATH = (Bound("path", "tenant"),)
BINDING = Match(
    path=PathPattern(("t", Parameter("tenant"))), query=(Condition("team"),), headers=(Condition("x-plan", present=True),)
)


@pytest.mark.parametrize(
    ("templates", "claims", "path", "is_in"),
    [
        ((OF_PATH,), {"tenant": "a"}, "/t/a", True),
        ((OF_PATH,), {"tenant": ["b", "a"]}, "/t/a", True),
        ((OF_PATH,), {"tenant": 7}, "/t/7", True),
        ((OF_PATH,), {"tenant": "a b"}, "/t/a%20b", True),
        ((("t-", *OF_PATH, "-", Bound("query", "team")),), {"tenant": "t-a-x"}, "/t/a?team=x", True),
        ((("no",), (Bound("header", "x-plan"),)), {"tenant": "pro"}, "/t/a", True),
        ((OF_PATH,), {"tenant": "a"}, "/t/b", False),
        ((OF_PATH,), {"tenant": "A"}, "/t/a", False),
        ((OF_PATH,), {"tenant": "{tenant}"}, "/t/a", False),
        ((OF_PATH,), {"tenant": "a%20b"}, "/t/a%20b", False),
        ((OF_PATH,), {"tenant": ["ab"]}, "/t/a", False),
        ((OF_PATH,), {"tenant": {"a": 1}}, "/t/a", False),
        ((OF_PATH,), {"tenant": None}, "/t/None", False),
        ((OF_PATH,), {"tenant": [None, []]}, "/t/None", False),
        ((OF_PATH,), {}, "/t/a", False),
        (((Bound("query", "team"),),), {"tenant": None}, "/t/a?team=%FF", False),
        (((Bound("query", "team"),),), {}, "/t/a?team=", False),
    ],
)
def test_a_claim_that_equals_what_the_match_binds(
    templates: tuple[Any, ...], claims: dict[str, Any], path: str, is_in: bool
) -> None:
    """On both passes, also if the condition has literal values too."""
    for values in ((), ("all",)):
        auth = replace(AUTH, claims=(Condition("tenant", values, templates=templates),))
        plan = Plan("chat", (Route("only", BINDING, HOLD, auth=auth),))
        deciding = decider_of(plan)
        url = f"https://a{path}" + ("" if "?" in path else "?team=x")
        asked, any_tenants = (
            ask(by_pyjwt({**CLAIMS, **said}, "HS256"), url, x_plan=b"pro") for said in (claims, {"tenant": "all"})
        )
        for one, let_in in ((asked, is_in), (any_tenants, bool(values))):
            for decision in (deciding.decide(one), deciding.decide(tracer_of(plan).through_fanout(one))):
                assert (isinstance(decision, Answer) and decision.status == 403) != let_in


TENANTS = Condition("tenant", templates=((Bound("query", "tenant"),), ("t-", Bound("header", "x-tenant"))))
COMPARED = replace(AUTH, claims=(TENANTS,))
TWICE: dict[str, tuple[str, tuple[str, ...]]] = {
    "a parameter": ("?tenant=a&tenant=b", ()),
    "the same value": ("?tenant=a&tenant=a", ()),
    "apart": ("?tenant=a&x=1&&tenant=b", ()),
    "an encoded name": ("?tenant=a&%74enant=b", ()),
    "an encoded name first": ("?%74%65nant=a&tenant=b", ()),
    "a name alone": ("?tenant=a&tenant", ()),
    "a semicolon": ("?x=1;tenant=b&tenant=a", ()),
    "within another parameter": ("?tenant=a&x=1;tenant=b", ()),
    "a capital": ("?tenant=a&Tenant=b", ()),
    "a header": ("?tenant=a", ("x-tenant", "x-tenant")),
    "a header with _": ("?tenant=a", ("x-tenant", "x_tenant")),
    "a header with _ first": ("?tenant=a", ("x_tenant", "x-tenant")),
    "the header that is compared": ("", ("x-tenant", "x_tenant")),
}
ONCE: dict[str, tuple[str, tuple[str, ...]]] = {
    "a parameter": ("?tenant=a", ()),
    "a header": ("", ("x-tenant",)),
    "other parameters": ("?x=1&tenant=a&x=2&tenants=b&tenant%3Da&%FF=1", ("x-plan", "x-plan")),
    "a value that says so": ("?tenant=a&x=tenant%3Db", ()),
}


def of_tenant(query: str, names: tuple[str, ...]) -> RequestData:
    asked = ask(by_pyjwt({**CLAIMS, "tenant": ["a", "t-a"]}, "HS256"), f"https://a/{query}", upgrade=b"websocket")
    return replace(asked, headers=(*asked.headers, *((name, b"a" if i == 0 else b"b") for i, name in enumerate(names))))


@pytest.mark.parametrize("action", [Forward("app"), Handoff("app"), Tunnel("app")])
@pytest.mark.parametrize("name", TWICE)
def test_a_compared_value_stands_once(action: Action, name: str) -> None:
    """A backend may read another value than the first."""
    answer = decide(of_tenant(*TWICE[name]), COMPARED, action)
    assert isinstance(answer, Answer) and answer.status == 400 and answer.body.endswith(b" must not occur more than once.\n")


@pytest.mark.parametrize("action", [Forward("app"), Handoff("app"), Tunnel("app")])
@pytest.mark.parametrize("name", ONCE)
def test_other_values_may_stand_twice(action: Action, name: str) -> None:
    assert not isinstance(decide(of_tenant(*ONCE[name]), COMPARED, action), Answer)


@pytest.mark.parametrize("name", TWICE)
def test_values_may_stand_twice_where_nothing_is_compared(name: str) -> None:
    assert isinstance(decide(of_tenant(*TWICE[name]), AUTH, Forward("app")), ToBackend)


def test_an_endpoint_of_the_edges_has_the_value_that_was_compared() -> None:
    auth = replace(AUTH, claims=(Condition("tenant", templates=((Bound("query", "tenant"),),)),))
    hold = Hold("self", "stream", (Channel((Bound("query", "tenant"),)),), ())
    asked = of_tenant("?tenant=a&tenant=b", ())
    assert subscribed(replace(asked, headers=asked.headers[:1]), auth, hold) == "a"


def test_who_has_no_token_is_not_told_of_values() -> None:
    asked = of_tenant("?tenant=a&tenant=b", ())
    answer = decide(replace(asked, headers=()), COMPARED, Forward("app"))
    assert isinstance(answer, Answer) and answer.status == 401


def test_all_claims_must_fit() -> None:
    token = by_pyjwt({**CLAIMS, "role": "admin", "tenant": "1"}, "HS256")
    assert refusals(ask(token), replace(AUTH, claims=(MEMBER, TENANT))) == forbidden("the claim tenant")


@pytest.mark.parametrize(("value", "channel"), [("bob", "user-bob"), (7, "user-7"), (True, "user-true"), ("a b", "user-a b")])
def test_a_claim_in_a_channel(value: Any, channel: str) -> None:
    assert subscribed(ask(by_hand({"alg": "HS256"}, {**CLAIMS, "sub": value}))) == channel


@pytest.mark.parametrize(
    "value", [None, "", " ", "a,b", "a;filter=x", 'a"', "a\r\nGrip-Channel: b", "é", "a\0", " a", "x" * 257, ["ann"], {"ann": 1}]
)
def test_a_claim_that_is_no_channel(value: Any) -> None:
    """The first pass already answers 403, because a token must not lead to a channel that its issuer did not intend."""
    token = by_hand({"alg": "HS256"}, {**CLAIMS, "sub": value})
    assert refusals(ask(token)) == refusals(ask(token, upgrade=b"websocket"), action=SOCKET) == forbidden("the claim sub")


def test_claims_elsewhere() -> None:
    hold = replace(HOLD, channels=(Channel(("news",)),), meta=(("user", (SUB,)),), link=("/missed/", SUB))
    asked = ask(GOOD)
    answer = decide(through_fanout(asked, action=hold), action=hold)
    assert isinstance(answer, Answer)
    assert [value for name, value in answer.headers if name in ("grip-set-meta", "grip-link")] == [
        b"user=ann",
        b"</missed/ann>; rel=next",
    ]
    assert decide(asked, action=Redirect(302, ("/users/", SUB))) == Answer(302, (("location", b"/users/ann"),))
    without = ask(by_pyjwt({"exp": CLAIMS["exp"]}, "HS256"))
    assert refusals(without, action=Redirect(302, ("/users/", SUB))) == forbidden("the claim sub")


LISTED = replace(AUTH, channels="x-fastly-read")
ROOM = replace(HOLD, channels=(Channel(("room-", Bound("path", "room"))), Channel(("news",))))
ROOMS = Match(path=PathPattern((Parameter("room"),)))


@pytest.mark.parametrize(
    ("listed", "is_in"),
    [
        (["room-a", "news"], True),
        (["news", "room-b", "room-a"], True),
        (["room-a"], False),
        (["room-*", "news"], False),
        (["ROOM-A", "news"], False),
        ([], False),
        ("news", False),
        ({"room-a": 1, "news": 1}, False),
        (None, False),
    ],
)
def test_the_channels_of_a_token(listed: Any, is_in: bool) -> None:
    asked = ask(by_hand({"alg": "HS256"}, {**CLAIMS, "x-fastly-read": listed}), url="https://a/a")
    plan = Plan("chat", (Route("room", ROOMS, ROOM, auth=LISTED),))
    first = decider_of(plan).decide(asked)
    second = decider_of(plan).decide(tracer_of(plan).through_fanout(asked))
    assert isinstance(second, Answer)
    assert (isinstance(first, ToFanout), second.status) == (is_in, 200 if is_in else 403)
    if is_in:
        assert dict(second.headers)["grip-channel"] == b"room-a, news"
    else:
        assert isinstance(first, Answer) and first == second
        assert {refusal(decider_of(plan), asked)} == forbidden("the channel")


def test_a_channel_that_is_none_is_the_endpoints_to_refuse() -> None:
    """The endpoint closes the WebSocket with its own code, after Fanout has accepted it."""
    socket = WebSocket("self", (Channel((Bound("path", "room"),)),), refuse_code=4000)
    plan = Plan("chat", (Route("room", ROOMS, socket, auth=LISTED),))
    asked = ask(GOOD, url="https://a/a%2Cb", upgrade=b"websocket")
    first = decider_of(plan).decide(asked)
    assert isinstance(first, ToFanout)
    answer = decider_of(plan).decide(tracer_of(plan).through_fanout(asked))
    assert isinstance(answer, Answer) and answer.body.startswith(
        b"OPEN\r\nCLOSE 43\r\n\x0f\xa0The request gives no valid channel"
    )


@pytest.mark.parametrize("code", [0, 4000])
def test_a_claim_that_is_missing_in_a_variable_is_forbidden(code: int) -> None:
    """Also if an invalid channel closes the WebSocket. The client does not learn which claim it is."""
    socket = WebSocket("self", (Channel(("news",)),), meta=(("user", (SUB,)),), refuse_code=code)
    asked = ask(by_pyjwt({"exp": CLAIMS["exp"]}, "HS256"), upgrade=b"websocket")
    through = replace(through_fanout(asked, action=socket), content=b"OPEN\r\n")
    assert {refusal(decider(action=socket), through)} == forbidden("the claim sub")


def test_a_websocket_is_checked_on_open() -> None:
    """It is not checked on each message: a token may expire, and its key may be removed, while the connection lasts."""
    socket = replace(SOCKET, echo=True)
    opened = through_fanout(ask(GOOD, upgrade=b"websocket"), action=socket)
    later = replace(opened, time=TIME + 1_000)
    answer = decide(opened, action=socket)
    assert isinstance(answer, Answer) and b'"channel":"user-ann"' in answer.body
    assert refusals(replace(ask(GOOD, upgrade=b"websocket"), time=TIME + 1_000), action=socket) == refused("it has expired")
    message = encode([Event("TEXT", b"hi")])
    assert decide(replace(later, content=message), action=socket) == replace(
        answer, headers=answer.headers[:1], body=b"TEXT 4\r\nm:hi\r\n"
    )
    assert decide(replace(later, content=b""), action=socket) == replace(answer, headers=answer.headers[:1], body=b"")


@pytest.mark.parametrize("body", [b"OPEN\r\n", b"OPEN 0\r\n\r\n", b"OPEN 1\r\nx\r\nTEXT\r\n"])
def test_whatever_opens_a_websocket_is_checked(body: bytes) -> None:
    opening = replace(through_fanout(ask(upgrade=b"websocket"), action=SOCKET), content=body)
    answer = decide(opening, action=SOCKET)
    assert isinstance(answer, Answer) and answer.status == 401


@pytest.mark.parametrize("body", [b" OPEN\r\n", b"open\r\n", b"TEXT\r\nOPEN\r\n", b"\r\nOPEN\r\n"])
def test_what_is_not_checked_opens_none(body: bytes) -> None:
    sent = replace(through_fanout(ask(upgrade=b"websocket"), action=SOCKET), content=body)
    answer = decide(sent, action=SOCKET)
    assert isinstance(answer, Answer) and answer.status == 400


def test_events_are_for_no_other_endpoint() -> None:
    sent = replace(through_fanout(ask(upgrade=b"websocket"), action=HOLD), content=b"TEXT\r\n")
    answer = decide(sent, action=HOLD)
    assert isinstance(answer, Answer) and answer.status == 403


PAIR = replace(AUTH, places=(*BEARER, TokenPlace("query", "token"), TokenPlace("query", "old token")))


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?token={}", ""),
        ("?token={}&a=b", "?a=b"),
        ("?a=b&token={}&c", "?a=b&c"),
        ("?token={}&token=x&to%6Ben=y&a", "?a"),
        ("?old+token={}&a=%20", "?a=%20"),
        ("?token={}&x=%FF&%FF=1", "?x=%FF&%FF=1"),
        ("?token={}&tokens=1", "?tokens=1"),
        ("?token={}&", "?"),
    ],
)
def test_a_token_in_the_query_is_not_passed_on(query: str, left: str) -> None:
    asked = ask(url="https://a/x" + query.format(GOOD.decode()))
    to = [decide(asked, PAIR, action) for action in (Handoff("o"), Forward("o"))]
    to.append(decide(replace(asked, headers=(("upgrade", b"websocket"),)), PAIR, Tunnel("o")))
    linked = Plan("chat", (Route("only", Match(), Forward("o"), auth=PAIR),), linked=("o",))
    to.append(decider_of(linked).decide(tracer_of(linked).through_fanout(asked)))
    assert [type(one) for one in to] == [ToFanout, ToBackend, ToWebSocket, ToBackend]
    assert [one.uri for one in to if not isinstance(one, Answer)] == [f"https://a/x{left}"] * 4
    own = decide(asked, PAIR)
    assert isinstance(own, ToFanout) and own.uri is None


def test_another_uri_stays() -> None:
    """The query stays unchanged if the token is not in it."""
    asked = ask(GOOD, url="https://a/x?a=b")
    to = decide(asked, PAIR, Forward("o"))
    assert isinstance(to, ToBackend) and to.uri is None
    to = decide(replace(asked, url="https://a/x?token=other"), PAIR, Forward("o"))
    assert isinstance(to, ToBackend) and to.uri == "https://a/x"


def test_a_refusal_is_an_answer_of_the_routes() -> None:
    """A page of another origin may read it, and the route's response headers are applied."""
    cors, rules = Cors(("https://b",)), HeaderRules(set=(("x-a", b"b"),))
    answer = decide(ask(origin=b"https://b"), cors=cors, response_headers=rules)
    assert isinstance(answer, Answer)
    assert {("access-control-allow-origin", b"https://b"), ("x-a", b"b"), NO_TOKEN.headers[1]} <= set(answer.headers)
    answer = decide(ask(), action=Forward("o"), response_headers=rules)
    assert isinstance(answer, Answer) and ("x-a", b"b") in answer.headers


def test_a_preflight_needs_no_token() -> None:
    asking = Route("asked", Match(methods=("OPTIONS",)), Preflight(), cors=Cors(("*",)))
    deciding = decider_of(Plan("chat", (asking, Route("only", Match(), HOLD, auth=AUTH))))
    assert isinstance(answer := deciding.decide(replace(ask(), verb="OPTIONS")), Answer) and answer.status == 204
    assert isinstance(answer := deciding.decide(ask()), Answer) and answer.status == 401


def test_routes_have_their_own() -> None:
    """Two routes need different tokens, and a third route needs none."""
    other = replace(AUTH, keys=(KEYS["ES256"],))
    paths = {name: Match(path=PathPattern((name,))) for name in ("a", "b", "c")}
    auths = {"a": AUTH, "b": other, "c": None}
    deciding = decider_of(Plan("chat", tuple(Route(name, paths[name], Handoff("o"), auth=auths[name]) for name in paths)))
    for token, let_in in ((GOOD, "ac"), (by_pyjwt(CLAIMS, "ES256"), "bc")):
        assert "".join(n for n in paths if isinstance(deciding.decide(ask(token, url=f"https://a/{n}")), ToFanout)) == let_in


def test_who_signs_is_whom_the_tests_think() -> None:
    """The keys of this file differ. Otherwise the tests above would prove nothing."""
    assert len({public(key) for key in (EC, OTHER_EC, RSA, OTHER_RSA)}) == 4 and SIGNERS["HS256"] == SECRET


CLOSED = replace(SOCKET, echo=True, expiry_leeway=10)


def interval(answer: Decision) -> int | None:
    """Returns an answer's Keep-Alive-Interval."""
    assert isinstance(answer, Answer)
    value = dict(answer.headers).get("keep-alive-interval")
    return None if value is None else int(value)


def event(asked: RequestData, seconds: int, *events: Event, socket: WebSocket = CLOSED) -> Answer:
    """Returns the answer to events of an open WebSocket, some seconds after it was opened."""
    opened = through_fanout(replace(asked, headers=(*asked.headers, ("upgrade", b"websocket"))), action=socket)
    answer = decide(replace(opened, time=TIME + seconds, content=encode(list(events))), action=socket)
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize("events", [(), (Event("TEXT", b"hi"),), (Event("PING"), Event("TEXT", b"hi"))])
def test_a_websocket_is_closed_when_its_token_has_expired(events: tuple[Event, ...]) -> None:
    """It is closed at the next event, or when Fanout sends a request because there was none. The leeway counts, as on OPEN."""
    assert b"CLOSE" not in event(ask(GOOD), 69, *events).body
    assert event(ask(GOOD), 70, *events).body == b"CLOSE 18\r\n\x0b\xb8The token has expired.\r\n"
    assert b"CLOSE" not in event(ask(GOOD), 1_000, *events, socket=replace(CLOSED, expiry_leeway=None)).body


def test_fanout_asks_again_when_the_token_expires() -> None:
    asked = ask(GOOD)
    assert [interval(event(asked, seconds, Event("OPEN"))) for seconds in (0, 40)] == [70, 30]
    assert [interval(event(asked, seconds, Event("TEXT", b"hi"))) for seconds in (0, 69)] == [70, 1]
    assert interval(event(asked, 69)) == 1
    idle = replace(CLOSED, idle_close=60)
    assert [interval(event(asked, seconds, Event("OPEN"), socket=idle)) for seconds in (0, 40)] == [60, 30]
    assert event(asked, 60, socket=idle).body.endswith(b"\x03\xe9Idle.\r\n")
    assert event(asked, 70, socket=idle).body.endswith(b"\x0b\xb8The token has expired.\r\n")
    long = ask(by_pyjwt({**CLAIMS, "exp": TIME + 10**9}, "HS256"))
    assert interval(event(long, 0, Event("OPEN"))) == 3600


@pytest.mark.parametrize("exp", [TIME + 59.5, 1e300, 10**30])
def test_any_time_is_an_expiry(exp: float) -> None:
    asked = ask(by_hand({"alg": "HS256"}, {**CLAIMS, "exp": exp}))
    assert event(asked, 0, Event("OPEN")).status == 200
    assert interval(event(asked, 0, Event("TEXT", b"hi"))) == (70 if exp < 1e10 else 3600)


def test_an_event_without_the_token_ends_the_connection() -> None:
    assert event(ask(), 0, Event("TEXT", b"hi")).status == 401
