"""Tests claims within others, words of claims, and further places of tokens, from routes.yaml to what a client gets."""

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fanroute.analysis.examples import example_claims, example_values
from fanroute.devserver.refusals import HINTS
from fanroute.pipeline import compile_routes
from fanroute.plan.claims import as_token_has_them
from fanroute.plan.request import RequestData
from fanroute.plan.tokens import with_token
from fanroute.plan.trace import Tracer, guard_for, make_full_decider
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.explain import ObservedDecider
from fanroute_runtime.messages import Answer, ToFanout
from fanroute_runtime.plan import Route
from tests.conftest import INPUTS, REPOSITORY
from tests.support.tokens import CLAIMS, SECRETS, by_pyjwt
from tests.unit.runtime.auth.test_guard import NO_TOKEN, OTHER_CLAIMS, WRONG_TOKEN

FILE = """
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
routes:
  - match: {path: "/rooms/{room}"}
    auth:
      keys: {algorithm: HS256, secret_store: edge, name: login}
      %s
    sse: {channel: "%s"}
"""


@cache
def tracer(auth: str, channel: str = "room-{room}") -> Tracer:
    return Tracer(compile_routes((FILE % (auth, channel)).encode(), INPUTS).plan, "self")


def asked(claims: dict[str, Any], room: str = "blue") -> RequestData:
    token = by_pyjwt({**CLAIMS, **claims}, "HS256")
    return RequestData("GET", f"https://a/rooms/{room}", (("authorization", b"Bearer " + token),), secrets=SECRETS)


def outcome(request: RequestData, tried: Tracer) -> str:
    """Returns the channel that a client hears, or the reason of the refusal. Both passes agree."""
    first = tried.trace(request)
    through = tried.trace(tried.through_fanout(request))
    assert isinstance(through.decision, Answer)
    if isinstance(first.decision, Answer):
        assert first.decision == through.decision == OTHER_CLAIMS
        return through.refusal.removesuffix(".").rpartition("because of the ")[2]
    assert first.second == through.decision
    return dict(through.decision.headers)["grip-channel"].decode()


ROLES = "claims: {realm_access.roles: admin}"


@pytest.mark.parametrize("access", [{"roles": "admin"}, {"roles": ["user", "admin"]}, {"roles": ["admin"], "other": {}}])
def test_a_claim_within_an_object(access: Any) -> None:
    assert outcome(asked({"realm_access": access}), tracer(ROLES)) == "room-blue"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"realm_access": None},
        {"realm_access": "admin"},
        {"realm_access": ["admin"]},
        {"realm_access": [{"roles": "admin"}]},
        {"realm_access": {}},
        {"realm_access": {"roles": {"admin": True}}},
        {"realm_access": {"roles": ["user"]}},
        {"roles": "admin"},
        {"realm_access": {"realm_access.roles": "admin"}},
        {"realm_access.roles": "admin"},
        {"realm_access.roles": ["admin"], "realm_access": {"roles": ["user"]}},
    ],
)
def test_another_claim_is_not_the_one_within(claims: dict[str, Any]) -> None:
    """Tests other claims, also one whose own name is written as the path is."""
    assert outcome(asked(claims), tracer(ROLES)) == "claim realm_access.roles"


OWN_NAMES = {
    "https://example.com/roles": {"https://example.com/roles": "admin"},
    "urn:example.com:roles": {"urn:example.com:roles": ["admin"]},
    "/com.example.role": {"com.example.role": "admin"},
    "/kubernetes.io/namespace": {"kubernetes.io": {"namespace": "admin"}},
    "/https:~1~1example.com~1access/roles": {"https://example.com/access": {"roles": "admin"}},
    "/a~01.b/x": {"a~1.b": {"x": "admin"}},
    "/.": {".": "admin"},
    "a.b.c.d": {"a": {"b": {"c": {"d": "admin"}}}},
}


@pytest.mark.parametrize("name", OWN_NAMES)
def test_names_with_dots_can_be_written(name: str) -> None:
    tried = tracer(f'claims: {{"{name}": admin}}')
    assert outcome(asked(OWN_NAMES[name]), tried) == "room-blue"
    assert outcome(asked({"admin": "admin"}), tried) == f"claim {name}"
    assert outcome(asked(OWN_NAMES[name]), tracer(f'claims: {{"{name}": {{present: false}}}}')) == f"claim {name}"
    assert outcome(asked({}), tracer(f'claims: {{"{name}": {{present: false}}}}')) == "room-blue"


WORD, WORDS = "claims: {scope: {word: [read, write]}}", 'claims: {scope: {every_word: [read, "room:{room}"]}}'
BY_WORDS = "claim scope (its words)"


@pytest.mark.parametrize(
    ("scope", "one", "every"),
    [
        ("read", True, False),
        ("write", True, False),
        ("x  read room:blue y", True, True),
        ("room:blue read", True, True),
        ("room:red read", True, False),
        ("room:blue", False, False),
        (" read ", True, False),
        (["read", "room:blue"], True, True),
        (["read room:blue"], False, False),
        ("read\troom:blue", False, False),
        ("Read room:blue", False, False),
        ("reader", False, False),
        ("read,room:blue", False, False),
        ("", False, False),
        ({"read": "read"}, False, False),
        (None, False, False),
        (7, False, False),
    ],
)
def test_words_of_a_scope(scope: Any, one: bool, every: bool) -> None:
    assert outcome(asked({"scope": scope}), tracer(WORD)) == ("room-blue" if one else BY_WORDS)
    assert outcome(asked({"scope": scope}), tracer(WORDS)) == ("room-blue" if every else BY_WORDS)


def test_a_claim_has_its_whole_text_beside_its_words() -> None:
    tried = tracer("claims: {scope: {word: read}}", "of-{claim.scope}-{room}")
    assert outcome(asked({"scope": "read write"}), tried) == "of-read write-blue"


def test_an_empty_value_is_no_word() -> None:
    tried = tracer('claims: {scope: {word: "{room}"}}')
    assert outcome(asked({"scope": "  "}, "%20"), tried) == BY_WORDS
    assert outcome(asked({"scope": "a b"}, "a%20b"), tried) == BY_WORDS


def test_channels_within_an_object() -> None:
    tried = tracer("channels: mercure.subscribe")
    assert outcome(asked({"mercure": {"subscribe": ["room-red", "room-blue"]}}), tried) == "room-blue"
    for claims in ({"mercure": {"subscribe": ["room-red"]}}, {"mercure.subscribe": "room-blue"}, {}, {"mercure": "room-blue"}):
        assert outcome(asked(claims), tried) == "channel"


def test_a_channel_of_a_claim_within_an_object() -> None:
    tried = tracer("any_channel: true", "user-{claim.profile.id}")
    assert outcome(asked({"profile": {"id": 7}}), tried) == "user-7"
    for claims in ({"profile": {"id": [7]}}, {"profile.id": 7}, {"profile": {"id": "a,b"}}, {}):
        assert outcome(asked(claims), tried) == "claim profile.id"


def test_a_route_has_the_parts_that_it_uses() -> None:
    """So another route does not change its fingerprint. A component without parts does not have the code for them."""
    routes = compile_routes(
        b"""
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
defaults: {auth: {keys: {algorithm: HS256, secret_store: edge, name: login}}}
routes:
  - {match: {path: /a}, sse: {channel: "{claim.sub}"}}
  - {match: {path: /b}, sse: {channel: "{claim.profile.id}"}}
""",
        INPUTS,
    ).plan.routes
    plain, part = (route.auth for route in routes)
    assert plain and part and [one.name for one in part.parts] == ["profile.id"]
    assert plain == replace(part, parts=())
    assert (guard_for([plain]), guard_for([plain, part])) == (Guard, FurtherGuard)


@pytest.mark.parametrize("auth", [WORD, WORDS, ROLES, *(f'claims: {{"{name}": admin}}' for name in OWN_NAMES)])
def test_example_claims_admit_their_request(auth: str) -> None:
    tried = tracer(auth, "{claim.profile.id}-{room}")
    route: Route = tried.plan.routes[0]
    assert route.auth
    values = example_values(route.match)
    claims = as_token_has_them(example_claims(route, values), route.auth.parts)
    assert outcome(asked(claims, "room"), tried) == "profile.id-room"


GOOD = by_pyjwt({**CLAIMS, "exp": 4_102_444_800}, "HS256")
PLACES = """
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
routes:
  - match: {path: "/socket"}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}, token: %s}
    websocket: {channel: "user-{claim.sub}"%s}
  - match: {path: "/sse"}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}, token: [{header: X-Auth-Token}, authorization]}
    sse: {channel: "user-{claim.sub}"}
"""
UPGRADE = (("connection", b"Upgrade"), ("upgrade", b"websocket"))
NEEDED, MORE = "This request needs a token", "The token is refused: the request has more than one"


@cache
def of_places(token: str, further: str = "") -> Tracer:
    return Tracer(compile_routes((PLACES % (token, further)).encode(), INPUTS).plan, "self")


def opened(tried: Tracer, *headers: tuple[str, bytes], path: str = "/socket") -> str:
    """Returns the chosen subprotocol, or the reason of the refusal. Both passes agree about the token."""
    asked = RequestData("GET", f"https://a{path}", (*(UPGRADE if path == "/socket" else ()), *headers), secrets=SECRETS)
    first = tried.trace(asked)
    through = tried.through_fanout(asked)
    if path == "/socket":
        through = replace(through, content=b"OPEN\r\n")
    second = tried.trace(through)
    answer = second.decision
    assert isinstance(answer, Answer)
    if isinstance(first.decision, Answer):
        assert (first.decision, first.refusal) == (answer, second.refusal) and answer.status in (401, 403)
    if answer.status != 200:
        return second.refusal.removesuffix(".")
    assert isinstance(first.decision, ToFanout)
    return dict(answer.headers).get("sec-websocket-protocol", b"").decode()


def offering(*values: bytes) -> list[tuple[str, bytes]]:
    return [("sec-websocket-protocol", value) for value in values]


def test_a_token_in_a_header() -> None:
    tried = of_places("{protocol: bearer}")
    assert opened(tried, ("x-auth-token", GOOD), path="/sse") == ""
    assert opened(tried, ("authorization", b"Bearer " + GOOD), path="/sse") == ""
    assert opened(tried, ("x-auth-token", b""), ("authorization", b"Bearer " + GOOD), path="/sse") == ""
    assert opened(tried, ("x-auth-token", GOOD), ("authorization", b"Bearer x"), path="/sse") == ""
    assert opened(tried, ("x-auth-token", b"x"), ("authorization", b"Bearer " + GOOD), path="/sse") == (
        "The token is refused: it does not have three parts"
    )
    assert opened(tried, ("x-auth-token", b"Bearer " + GOOD), path="/sse") != ""
    assert opened(tried, ("x-auth-token", GOOD), ("x-auth-token", GOOD), path="/sse") == MORE
    assert opened(tried, ("x_auth_token", GOOD), path="/sse") == NEEDED


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([b"bearer, %s"], "bearer"),
        ([b"bearer,%s"], "bearer"),
        ([b" bearer ,\t%s , chat"], "bearer"),
        ([b"chat, bearer, %s"], "bearer"),
        ([b"bearer", b"%s"], "bearer"),
        ([], NEEDED),
        ([b""], NEEDED),
        ([b"bearer"], NEEDED),
        ([b"bearer,"], NEEDED),
        ([b"%s"], NEEDED),
        ([b"%s, bearer"], NEEDED),
        ([b"Bearer, %s"], NEEDED),
        ([b"chat, %s"], NEEDED),
        ([b"bearer, chat, %s"], "The token is refused: it does not have three parts"),
        ([b"bearer, %s, bearer, %s"], MORE),
        ([b"bearer, %s", b"bearer, %s"], MORE),
        ([b"bearer, bearer, %s"], MORE),
    ],
)
def test_a_token_after_a_subprotocol(offered: list[bytes], chosen: str) -> None:
    values = [value.replace(b"%s", GOOD) for value in offered]
    assert opened(of_places("{protocol: bearer}"), *offering(*values)) == chosen


def test_a_token_after_a_subprotocol_is_that_of_a_websocket() -> None:
    """Another request with this header goes on to where the header would go on, too."""
    tried = of_places("[{protocol: bearer}, authorization]")
    asked = RequestData("GET", "https://a/socket", tuple(offering(b"bearer, " + GOOD)), secrets=SECRETS)
    decision = tried.trace(asked).decision
    assert isinstance(decision, Answer) and decision.status == 401


NO_PROTOCOL = "The client offers none of the endpoint's protocols"


@pytest.mark.parametrize(
    ("offered", "required", "optional"),
    [
        (b"bearer, %s, chat.v2", "chat.v2", "chat.v2"),
        (b"chat.v1, bearer, %s, chat.v2", "chat.v1", "chat.v1"),
        (b"bearer, %s", NO_PROTOCOL, "bearer"),
        (b"bearer, %s, other", NO_PROTOCOL, "bearer"),
    ],
)
def test_one_of_the_protocols_is_chosen_else_that_of_the_token(offered: bytes, required: str, optional: str) -> None:
    values = offering(offered.replace(b"%s", GOOD))
    protocols = ", protocols: [chat.v2, chat.v1]"
    assert opened(of_places("{protocol: bearer}", protocols), *values) == required
    assert opened(of_places("{protocol: bearer}", f"{protocols}, require_protocol: false"), *values) == optional


@pytest.mark.parametrize(("offered", "chosen"), [([], ""), ([b"other"], ""), ([b"other, chat.v1"], "chat.v1"), ([b"bearer"], "")])
def test_a_subprotocol_may_be_optional(offered: list[bytes], chosen: str) -> None:
    """The edge never chooses a protocol that is not offered. A token in another place does not change that."""
    tried = of_places("[authorization, {protocol: access}]", ", protocols: [chat.v2, chat.v1], require_protocol: false")
    assert opened(tried, ("authorization", b"Bearer " + GOOD), *offering(*offered)) == chosen


def test_a_default_place_after_a_subprotocol_is_for_websockets_of_the_edge() -> None:
    """So no backend gets a token that the edge has accepted there."""
    plan = compile_routes((REPOSITORY / "tests/golden/cases/token-places/routes.yaml").read_bytes(), INPUTS).plan
    kinds = {route.name: [place.kind for place in route.auth.places] for route in plan.routes if route.auth}
    assert kinds["socket"] == ["authorization", "header", "protocol"]
    assert kinds["live"] == kinds["passed-through"] == ["authorization", "header"]


def test_requests_get_a_test_token_in_its_place() -> None:
    for token, offers in (("{protocol: bearer}", b""), ("{header: x-auth-token}", b""), ("{protocol: bearer}", b"chat")):
        tried = of_places(token)
        headers = (*UPGRADE, *(offering(offers) if offers else ()))
        asked = with_token(RequestData("GET", "https://a/socket", headers), {"sub": "ann"}, tried)
        assert isinstance(tried.trace(asked).decision, ToFanout)


PATHS = """
version: 1
service: {name: chat}
backends: {self: {loopback: true}, origin: {url: "https://a.example.com"}}
defaults: {auth: {keys: {algorithm: HS256, secret_store: edge, name: login}}}
auth_profiles:
  readers: {keys: {algorithm: HS256, secret_store: edge, name: login}, claims: {scope: {word: "read:{rest}"}}}
routes:
  - match: {path: "/content/{rest...}"}
    auth: {profile: readers, claims: {article: "{rest}"}}
    sse: {channel: "content-{rest}"}
  - match: {path: ["/rooms/{room}", "/r/{room}/events"]}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}, claims: {access.room: "{room}"}}
    sse: {channel: "room-{room}"}
"""
READER = {"article": "news/2026", "scope": "x read:news/2026"}
BLUE = {"access": {"room": "blue"}}


@pytest.mark.parametrize(
    ("path", "claims", "expected"),
    [
        ("/content/news/2026", READER, "content-news/2026"),
        ("/content/new%73/2026", READER, "content-news/2026"),
        ("/content/news", READER, "claim scope (its words)"),
        ("/content/news/2026/x", READER, "claim scope (its words)"),
        ("/content/news/2026/", READER, "claim scope (its words)"),
        ("/content/news//2026", READER, "claim scope (its words)"),
        ("/content/news/2026", {**READER, "article": "news"}, "claim article"),
        ("/content/news/2026", {**READER, "scope": "read:news 2026"}, "claim scope (its words)"),
        ("/content/{rest}", {"article": "{rest}", "scope": "read:{rest}"}, "content-{rest}"),
        ("/rooms/blue", BLUE, "room-blue"),
        ("/r/blue/events", BLUE, "room-blue"),
        ("/r/red/events", BLUE, "claim access.room"),
        ("/rooms/red", BLUE, "claim access.room"),
    ],
)
def test_a_claim_equals_what_the_path_binds(path: str, claims: dict[str, Any], expected: str) -> None:
    """Both passes agree: the second gets the value by the pin."""
    tried = Tracer(compile_routes(PATHS.encode(), INPUTS).plan, "self")
    assert outcome(replace(asked(claims), url=f"https://a{path}"), tried) == expected


WAYS: dict[str, tuple[dict[str, Any] | None, list[tuple[str, bytes]]]] = {
    "no token": (None, []),
    "another scheme": (None, [("authorization", b"Basic YTpi")]),
    "two tokens": (None, [("authorization", b"Bearer " + GOOD)] * 2),
    "not a token": (None, [("authorization", b"Bearer x")]),
    "not base64": (None, [("authorization", b"Bearer a.b!.c")]),
    "too long": (None, [("authorization", b"Bearer " + b"x" * 9000)]),
    "changed": (None, [("authorization", b"Bearer " + GOOD[:-4] + b"AAAA")]),
    "expired": ({"exp": 1}, []),
    "not valid yet": ({"nbf": 4_000_000_000}, []),
    "without an end": ({"exp": None}, []),
    "another issuer": ({"iss": "other"}, []),
    "another audience": ({"aud": "other"}, []),
    "another role": ({"access": {"roles": "guest"}}, []),
    "a word too few": ({"scope": "write"}, []),
    "another channel": ({"rooms": ["room-red"]}, []),
}
STRICT = "issuer: ours\n      audience: ours\n      channels: rooms\n      claims: {access.roles: staff, scope: {word: read}}"
MEMBER = {"iss": "ours", "aud": "ours", "rooms": ["room-blue"], "access": {"roles": "staff"}, "scope": "read"}


def test_each_way_to_be_refused_has_its_own_reason() -> None:
    """The local log has that reason, with a hint for the developer, but no secret. All clients get the same answer.

    A request without a token differs by RFC 6750, 3.1: its challenge has no error code.
    """
    tried = tracer(STRICT)
    observed = ObservedDecider(make_full_decider(tried.plan))
    reasons: dict[str, str] = {}
    for way, (claims, headers) in WAYS.items():
        request = asked({**MEMBER, **(claims or {})})
        request = request if claims is not None else replace(request, headers=tuple(headers))
        verdict = observed.judge(request)
        assert isinstance(verdict.decision, Answer) and verdict.decision.status in (401, 403), way
        expected = NO_TOKEN if verdict.refusal.startswith(NEEDED) else WRONG_TOKEN
        expected = expected if verdict.decision.status == 401 else OTHER_CLAIMS
        assert verdict.decision == expected, way
        assert any(re.fullmatch(pattern, verdict.refusal, re.DOTALL) for pattern, _ in HINTS), way
        told = str(verdict.decision.headers) + verdict.refusal
        assert not any(part.decode() in told for _, value in request.headers for part in value.split()[1:] if len(part) > 1)
        reasons[way] = verdict.refusal
    assert reasons.pop("another scheme") == reasons["no token"] == f"{NEEDED}."
    assert len(set(reasons.values())) == len(reasons)
    assert isinstance(tried.trace(asked(MEMBER)).decision, ToFanout)
