"""Generates requests to the routes of tests/fuzz/routes.yaml, as hostile as a host allows, with failing host calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from fanroute.host.exchange import Headers, Response
from tests.component.test_component import ERRORS
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import events, tokens

METHODS = ["GET"] * 9 + ["HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "get", "BREW", "", "G T", "É", "M" * 64, "M" * 65]
HOSTS = [
    *"""
    fuzz.edgecompute.app fuzz.edgecompute.app FUZZ.EdgeCompute.App. fuzz.edgecompute.app:443 chat.example.com chat.example.com
    a.edgecompute.app.evil.com evil-edgecompute.app edgecompute.app chat.example.com@evil.com evil.com@chat.example.com
    [::1]:80 [::1 a:b:c x..edgecompute.app é.edgecompute.app
    """.split(),
    *["", "chat.example.com\t", " "],
]
PLACES = "rooms events poll socket socket tunnel forward old respond chat %63hat fallen member session behind".split()
SEGMENTS = [
    *"""
    blue 42 blue 42 a%20b a%2Cb %3B %22 %C3%A9 %FF %2F %2e%2e .. . %00 %0d%0aX-A:%20b %25%32%43 %2525 %zz % , ; " = + é 😀 \x7f
    """.split(),
    *["", " ", "\x85", "\r\n", "x" * 300],
]
QUERIES = ["", "?", "?id", "?id=1&id=2", "?=&&", "#?id=1", *(f"?id={segment}" for segment in SEGMENTS)]
# The secret of clients' tokens, some tokens signed with it, the routes that admit each of them, and other tokens.
SECRET_STORES = {"edge": {"login": tokens.SECRET}}
ANN = {"sub": "ann", "exp": 4_102_444_800, "role": "member", "may": ["user-ann", "room"]}
FULL, NUMBER, GUEST, COMMA, NOBODY = (
    tokens.signed({**ANN, **claims}, tokens.SECRET)
    for claims in ({}, {"sub": 7, "may": "room"}, {"role": "guest", "may": []}, {"sub": "a,b"}, {"sub": None})
)
LET_IN = {"member": [FULL, NUMBER, GUEST], "session": [FULL], "behind": [FULL, NUMBER, COMMA, NOBODY]}
TOKENS = [*[FULL] * 6, NUMBER, GUEST, COMMA, NOBODY, *tokens.STRANGERS, b"a.b.c", b"..", b"\xff"]
# Unusual URIs. The last ones are longer than the edge reads.
ODD_URIS = [
    "",
    "*",
    "/",
    "http://a*",
    "https://chat.example.com",
    "http:///",
    "x" * 16_385,
    "https://chat.example.com" + "/x" * 9000,
]

NAMES = [
    *"""
    Grip-Hold Grip-Channel Grip-Last Grip-Feature Meta-User Connection-Id X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
    X-Tenant x-tenant X-TENANT Origin Access-Control-Request-Method Sec-WebSocket-Protocol Sec-WebSocket-Key Connection Connection
    Keep-Alive TE Transfer-Encoding Content-Length Content-Type Host Cookie Authorization X-There X-Set X-Add Pushpin-Route Accept
    Vary Upgrade É \xff
    """.split(),
    *["", " ", "a b", "x:", "\r\n"],
]
VALUES = [
    *b"""
    acme acme a,b a;b blue 1 1 websocket close,x-there x-set,,te chunked v1 v2,v1 https://a.example.com https://evil.com null GET
    PUT 203.0.113.9 chat.example.com https http stream id=1 application/websocket-events application/json \xe9 \xff\xfe \xc3\xa9
    """.split(),
    *[b"", b" ", b"\r\nX-A: b", b"\x00", b"x" * 300],
]
# Lengths around the most that the edge reads of a header, and one far above.
LONG = [65_535, 65_536, 65_537, 200_000]
EVENTS = [("Content-Type", b"application/websocket-events")]
UPGRADE = [("Upgrade", b"websocket"), ("Connection", b"Upgrade")]
PREFLIGHT = [("Origin", b"https://a.example.com"), ("Access-Control-Request-Method", b"GET")]
KINDS: list[Headers] = [[], [], [], EVENTS, EVENTS, UPGRADE, UPGRADE, PREFLIGHT]
GARBAGE = [b"a.b.c", b"..", b"e30.e30.", b"Bearer x", b"\xff", b"present", b"x" * 70_000, *tokens.OTHERS]

BACKENDS = frozenset({"origin", "fallen", "self"})


@dataclass(frozen=True)
class Hostile:
    """Represents a request with its kind of signature, facts of its connection, a backend's answer, and errors of host calls.

    `faults` has the errors by the number of the host call; `pinned` names the route of the request's pin, or is empty.
    """

    method: str
    uri: str
    headers: Headers
    body: bytes
    signature: str
    pinned: str
    facts: dict[str, Any]
    response: Response
    faults: dict[int, str]


def hostile(random: Random, good: bytes, pins: Mapping[str, bytes]) -> Hostile:
    """Generates a request. Its Grip-Sig, if any, is `good` or a bad one; with a good one it may have one of the `pins`.

    `pins` has a pin for each endpoint, by the name of the route.
    """
    pairs = _headers(random, 4) + random.choice(KINDS) + _token(random)
    signature = random.choice(["absent", "absent", "good", "good", "empty", "garbage"])
    sent = {"good": good, "empty": b"", "garbage": random.choice([*GARBAGE, good[:-1], good + b"="])}
    pairs += [("Grip-Sig", sent[signature])] if signature in sent else []
    pinned = random.choice([*pins, "", ""]) if signature == "good" else ""
    if pinned:
        pairs += [("Fanroute-Pin", pins[pinned])] * random.choice([1] * 9 + [2])
    random.shuffle(pairs)
    faults = {random.randrange(25): random.choice(ERRORS) for _ in range(random.choice([0, 0, 1, 1, 2, 9]))}
    response = Response(random.randrange(100, 1000), _headers(random, 3), object())
    return Hostile(
        random.choice(METHODS), _uri(random), pairs, _body(random), signature, pinned, _facts(random), response, faults
    )


def _token(random: Random) -> Headers:
    token = random.choice(TOKENS)
    places = [("Authorization", b"Bearer " + token), ("authorization", b"bearer  " + token), ("Cookie", b"a=b; session=" + token)]
    return random.choices(places, k=random.choice([0, 0, 0, 1, 1, 2]))


def _uri(random: Random) -> str:
    if _rarely(random):
        return random.choice(ODD_URIS)
    segments = [random.choice(PLACES), *random.choices(SEGMENTS, k=random.choice([0, 1, 1, 1, 2]))]
    return f"{random.choice(['http', 'https'])}://{random.choice(HOSTS)}/{'/'.join(segments)}{_query(random)}"


def _query(random: Random) -> str:
    if random.random() < 0.2:
        return f"?a=b&token={random.choice(TOKENS).decode('latin-1')}&id=1"
    return random.choice(QUERIES)


def _headers(random: Random, most: int) -> Headers:
    pairs = [(random.choice(NAMES), random.choice(VALUES)) for _ in range(random.randint(0, most))]
    if _rarely(random):
        pairs.append((random.choice(NAMES), b"x" * random.choice(LONG)))
    if _rarely(random):
        pairs.append(("x" * random.choice(LONG), random.randbytes(5)))
    return pairs


def _body(random: Random) -> bytes:
    if _rarely(random):
        return b"x" * 1_100_000  # more than the edge reads
    return random.choice([lambda: b"", lambda: b"OPEN\r\n", lambda: mutated(random, events.SEEDS, events.WORDS)])()


def _facts(random: Random) -> dict[str, Any]:
    facts: dict[str, Callable[[], Any]] = {
        "client_ip": lambda: random.choice(["192.0.2.1", "2001:db8::1", None]),
        "tls": lambda: random.choice([None, "TLSv1.3", ""]),
        "chunk": lambda: random.choice([1 << 20, 1 << 12]),
        "write_limit": lambda: 0 if _rarely(random) else random.choice([1 << 20, 1 << 20, 3]),
        "secret_stores": lambda: {} if _rarely(random) else SECRET_STORES,
        "backends": lambda: random.choice([BACKENDS, BACKENDS, BACKENDS, frozenset()]),
    }
    return {name: fact() for name, fact in facts.items()}


def _rarely(random: Random) -> bool:
    return random.random() < 0.02
