"""Authorization on the wire: each kind of connection gets only what its token allows."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice, product
from socket import create_connection
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.conftest import GRIP_SIG
from tests.e2e.browser import Browser
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of, open_websocket, wait_until
from tests.e2e.origin import Origin, seen, values
from tests.support.tampering import tampered
from tests.support.tokens import (
    EC,
    ED25519,
    OTHER_RSA,
    P384,
    RSA,
    SECRET,
    base64url,
    by_hand,
    by_hand_with,
    by_joserfc,
    by_pyjwt,
    jwk,
    public,
)

OLD, NEW = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
# Keys in JWKS documents, by their id: those of the config store and the one of the secret store.
IN_DOCUMENT: dict[str, Any] = {
    "in a set": ec.generate_private_key(ec.SECP256R1()),
    "rsa in a set": OTHER_RSA,
    "ed25519 in a set": Ed25519PrivateKey.generate(),
}
SECRET_IN_DOCUMENT = b"a secret that is in a document of a secret store"
LONG_SECRET = b"a secret of sixty-four bytes or more, as HS512 needs it for tokens"
PRIVATE = {**jwk(OLD), "kid": "private", "d": "AAAA"}
DOCUMENT = json.dumps({"keys": [*({**jwk(key), "kid": kid} for kid, key in IN_DOCUMENT.items()), PRIVATE]})
SECRET_DOCUMENT = json.dumps({"keys": [{"kty": "oct", "kid": "secret", "k": base64url(SECRET_IN_DOCUMENT).decode()}]})
# A JSON string is also a TOML string.
MANIFEST = f"""\
manifest_version = 3
[local_server.config_stores.edge]
format = "inline-toml"
[local_server.config_stores.edge.contents]
2025 = {json.dumps(public(OLD).decode())}
2026 = {json.dumps(public(NEW).decode())}
jwks = {json.dumps(DOCUMENT)}
[local_server.secret_stores]
edge = [
  {{ key = "login", data = {json.dumps(SECRET.decode())} }},
  {{ key = "jwks", data = {json.dumps(SECRET_DOCUMENT)} }},
  {{ key = "long", data = {json.dumps(LONG_SECRET.decode())} }},
]
"""
FILES = {"ec.pem": public(EC), "rsa.pem": public(RSA), "ed25519.pem": public(ED25519), "p384.pem": public(P384)}
auth_edge = edge_of("auth", {**FILES, "fastly.toml": MANIFEST.encode()})

KINDS = ["stream", "sse", "poll", "socket"]
PLACES = ["authorization", "cookie", "query", "header"]
YEAR_2100 = 4_102_444_800

CHAT = "https://chat.example.com"
# The answer to a request without a token, to each wrong token, and to each token with other claims than those needed.
NO_TOKEN = (401, "This request needs a valid token.\n", 'Bearer realm="auth"')
INVALID = (401, "This request needs a valid token.\n", 'Bearer realm="auth", error="invalid_token"')
FORBIDDEN = (403, "The token does not allow this request.\n", 'Bearer realm="auth", error="insufficient_scope"')
GRIP, EVENTS = ("Grip-Sig", GRIP_SIG), ("Content-Type", "application/websocket-events")
HANDSHAKE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]

# Values of a claim that make no channel, and lists without the channel room-bob.
NO_CHANNELS: list[Any] = ["a,user-bob", "a\r\nGrip-Channel: user-bob", "bob;filter=x", "böb", "b" * 300, "", " bob", ["bob"]]
OTHER_LISTS: list[Any] = [[], ["room-ann"], ["room-*"], ["ROOM-BOB"], ["room-ann,room-bob"], {"room-bob": 1}, None]

# Headers as (name, value); values are text or bytes.
Headers = list[tuple[str, Any]]


def claims(user: str) -> dict[str, Any]:
    return {"sub": user, "exp": YEAR_2100, "rooms": [f"room-{user}"]}


def tokens(user: str) -> list[bytes]:
    """Returns a user's token for each key of tests/e2e/routes/auth.yaml."""
    by_kid = [
        jwt.encode(claims(user), key, "ES256", headers={"kid": kid}).encode() for kid, key in (("2025", OLD), ("2026", NEW))
    ]
    in_documents = [
        jwt.encode(claims(user), key, algorithm, headers={"kid": kid}).encode()
        for algorithm, kid, key in (
            ("ES256", "in a set", IN_DOCUMENT["in a set"]),
            ("RS256", "rsa in a set", OTHER_RSA),
            ("HS256", "secret", SECRET_IN_DOCUMENT),
            ("HS384", "secret", SECRET_IN_DOCUMENT),
        )
    ]
    further = [
        jwt.encode(claims(user), key, algorithm).encode()
        for algorithm, key in (("EdDSA", ED25519), ("ES384", P384), ("PS256", RSA), ("HS512", LONG_SECRET))
    ]
    # PyJWT does not know this name.
    further.append(by_hand_with(IN_DOCUMENT["ed25519 in a set"], {"alg": "Ed25519", "kid": "ed25519 in a set"}, claims(user)))
    single = [by_pyjwt(claims(user), "HS256"), by_joserfc(claims(user), "ES256"), by_pyjwt(claims(user), "RS256")]
    return [*single, *by_kid, *in_documents, *further]


def placed(place: str, token: bytes) -> tuple[str, Headers]:
    """Returns a query and headers with a token in a place."""
    match place:
        case "query":
            return f"?a=b&token={quote(token)}", []
        case "cookie":
            return "", [("Cookie", b"a=b; session=" + token)]
        case "header":
            return "", [("X-Ident", token)]
        case "protocol":
            return "", [("Sec-WebSocket-Protocol", b"bearer, " + token)]
    return "", [("Authorization", b"Bearer " + token)]


# Tokens with a good signature and the wrong key id.
WRONG = {
    "the next kid": jwt.encode(claims("eve"), OLD, "ES256", headers={"kid": "2026"}).encode(),
    "an unknown kid": jwt.encode(claims("eve"), OLD, "ES256", headers={"kid": "2024"}).encode(),
    "no kid": jwt.encode(claims("eve"), OLD, "ES256").encode(),
    "another kid of a document": jwt.encode(claims("eve"), OTHER_RSA, "RS256", headers={"kid": "in a set"}).encode(),
    "a private key of a document": jwt.encode(claims("eve"), OLD, "ES256", headers={"kid": "private"}).encode(),
    "a secret by another algorithm": jwt.encode(claims("eve"), LONG_SECRET, "HS256").encode(),
    "a key by another name of its algorithm": by_hand_with(ED25519, {"alg": "Ed25519"}, claims("eve")),
    "a key by another algorithm": jwt.encode(claims("eve"), OTHER_RSA, "PS256", headers={"kid": "rsa in a set"}).encode(),
}


def first_messages(edge: Edge, kind: str, target: str, headers: Headers) -> list[str]:
    """Returns the first two messages that arrive on a connection, or on two long-polls."""
    if kind == "poll":
        return [edge.request("GET", target, headers=headers).text for _ in range(2)]
    if kind == "socket":
        texts = [(name, value if isinstance(value, str) else value.decode()) for name, value in headers]
        with open_websocket(edge, target, additional_headers=texts) as client:
            return [str(client.recv(timeout=ANSWER_TIMEOUT)) for _ in range(2)]
    with edge.client.stream("GET", target, headers=headers) as answer:
        return list(islice(answer.iter_lines(), 2))


def first_messages_of_all(edge: Edge, kind: str, requests: Sequence[tuple[str, Headers]]) -> list[list[str]]:
    """Returns what each connection gets first, while items are published on all channels, bob's before ann's."""
    with ThreadPoolExecutor(len(requests)) as pool:
        hearing = [pool.submit(first_messages, edge, kind, *request) for request in requests]
        while wait(hearing, timeout=0.2).not_done:
            edge.publish_items(*(message(f"{what}-{user}") for user in ("bob", "ann") for what in ("user", "room")))
    return [each.result() for each in hearing]


def message(channel: str) -> dict[str, Any]:
    """Returns an item for every kind of connection on a channel."""
    text = f"for {channel}"
    formats = {"http-stream": {"content": f"{text}\n"}, "http-response": {"body": text}, "ws-message": {"content": text}}
    return {"channel": channel, "formats": formats}


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_hears_what_is_theirs(auth_edge: Edge, kind: str) -> None:
    """With each key, and the token in each place: a channel made of a claim delivers only its own user's messages.

    The first tokens are in each place, and the others in one: a client opens at most 100 connections.
    """
    requests, expected = [], []
    for user in ("ann", "bob"):
        first, others = tokens(user)[:5], tokens(user)[5:]
        for token, place in (*product(first, PLACES), *product(others, PLACES[:1])):
            query, headers = placed(place, token)
            requests.append((f"/own/{kind}{query}", headers))
            expected.append([f"for user-{user}"] * 2)
    assert first_messages_of_all(auth_edge, kind, requests) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_hears_what_their_token_lists(auth_edge: Edge, kind: str) -> None:
    held = {user: placed("authorization", by_pyjwt(claims(user), "ES256"))[1] for user in ("ann", "bob")}
    requests = [(f"/rooms/{user}/{kind}", headers) for user, headers in held.items()]
    assert first_messages_of_all(auth_edge, kind, requests) == [["for room-ann"] * 2, ["for room-bob"] * 2]


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_hears_their_tenant(auth_edge: Edge, kind: str) -> None:
    """A claim must equal a value of the path. If it does not, both passes refuse the request."""
    held = {user: placed("authorization", by_pyjwt({**claims(user), "tenant": user}, "ES256"))[1] for user in ("ann", "bob")}
    requests = [(f"/tenants/{user}/{kind}", headers) for user, headers in held.items()]
    assert first_messages_of_all(auth_edge, kind, requests) == [["for user-ann"] * 2, ["for user-bob"] * 2]
    with nothing_handed_off(auth_edge):
        for tenant in ("bob", ["bob", "a"], "{tenant}", None, "Ann"):
            forbidden(auth_edge, kind, f"/tenants/ann/{kind}", {"tenant": tenant, "exp": YEAR_2100}, "the claim tenant")


def test_everybody_hears_the_tenant_of_their_host(auth_edge: Edge) -> None:
    """A claim must equal the label that the host binds. A token of another tenant gets a 403 there."""
    hosts = {user: f"{user}.tenants.example.com" for user in ("ann", "bob")}
    held = {user: placed("authorization", by_pyjwt({**claims(user), "tenant": user}, "ES256"))[1] for user in hosts}
    requests = [("/tenant/stream", [("Host", hosts[user]), *headers]) for user, headers in held.items()]
    assert first_messages_of_all(auth_edge, "stream", requests) == [["for user-ann"] * 2, ["for user-bob"] * 2]
    with nothing_handed_off(auth_edge):
        for kind, handshake in (("stream", []), ("socket", HANDSHAKE)):
            answer = auth_edge.request("GET", f"/tenant/{kind}", hosts["bob"], headers=[*held["ann"], *handshake])
            assert answer.status_code == 403


def test_a_socket_hears_the_tenant_of_its_host(auth_edge: Edge) -> None:
    headers = {"Authorization": f"Bearer {by_pyjwt({**claims('ann'), 'tenant': 'ann'}, 'ES256').decode()}"}
    with (
        create_connection(("127.0.0.1", auth_edge.port)) as connection,
        connect("ws://ann.tenants.example.com/tenant/socket", sock=connection, proxy=None, additional_headers=headers) as client,
    ):
        auth_edge.publish_items(message("user-bob"), message("user-ann"))
        assert client.recv(timeout=ANSWER_TIMEOUT) == "for user-ann"


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_hears_what_their_scope_names(auth_edge: Edge, kind: str) -> None:
    """Words of a scope must name the room, and a claim within another must have a role. Both passes refuse other tokens."""

    def token(user: str, **others: Any) -> dict[str, Any]:
        return {**claims(user), "scope": f"room:{user} x listen", "access": {"roles": ["guest", "member"]}, **others}

    held = {user: placed("authorization", by_pyjwt(token(user), "ES256"))[1] for user in ("ann", "bob")}
    requests = [(f"/scoped/{user}/{kind}", headers) for user, headers in held.items()]
    assert first_messages_of_all(auth_edge, kind, requests) == [["for room-ann"] * 2, ["for room-bob"] * 2]
    path, words = f"/scoped/ann/{kind}", "the claim scope (its words)"
    with nothing_handed_off(auth_edge):
        for scope in ("room:bob listen", "room:ann", "room:ann\tlisten", ["room:ann listen"], None):
            forbidden(auth_edge, kind, path, token("ann", scope=scope), words)
        for access in ({"roles": ["guest"]}, {}, ["member"], None):
            forbidden(auth_edge, kind, path, token("ann", access=access, **{"access.roles": "member"}), "the claim access.roles")


def test_a_claim_equals_the_rest_of_a_path(auth_edge: Edge) -> None:
    token = by_pyjwt({**claims("ann"), "article": "news/ann"}, "ES256")
    with auth_edge.client.stream("GET", "/content/news/ann", headers=placed("authorization", token)[1]) as answer:
        auth_edge.publish_items(message("user-news/ann"))
        assert next(answer.iter_lines()) == "for user-news/ann"
    with nothing_handed_off(auth_edge):
        for path in ("/content/news/bob", "/content/news", "/content/news/ann/"):
            forbidden(auth_edge, "stream", path, {**claims("ann"), "article": "news/ann"}, "the claim article")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tampered_token_goes_nowhere(auth_edge: Edge, kind: str) -> None:
    now = int(time.time())
    with nothing_handed_off(auth_edge):
        for what, token in (WRONG | tampered(claims("eve"), now)).items():
            for signed, place in product((False, True), PLACES):
                if b"\0" in token and place != "query":
                    continue  # no client sends that in a header
                assert refusal(asked(auth_edge, kind, f"/own/{kind}", place, token, signed)) == INVALID, what


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_token_nothing_goes_on(auth_edge: Edge, origin: Origin, kind: str) -> None:
    """Neither Fanout nor a backend gets a request without one, on any kind of route. Fanout needs one only for endpoints."""
    before = len(origin.targets)
    with nothing_handed_off(auth_edge):
        for place in ("", "query"):
            for path in (f"/own/{kind}", f"/rooms/ann/{kind}"):
                for signed in (False, True):
                    assert refusal(asked(auth_edge, kind, path, place, b"", signed)) == NO_TOKEN
            for path in ("/forward/x", "/tunnel/echo", "/handoff"):
                assert refusal(asked(auth_edge, kind, path, place, b"", signed=False)) == NO_TOKEN
                assert asked(auth_edge, kind, path, place, b"", signed=True).status_code == 403
    assert not [target for target in origin.targets[before:] if target.startswith(("/forward", "/tunnel", "/handoff"))]


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_not_goes_nowhere(auth_edge: Edge, kind: str) -> None:
    """The token is valid, but its claims make no valid channel, or another channel."""
    with nothing_handed_off(auth_edge):
        for sub in NO_CHANNELS:
            forbidden(auth_edge, kind, f"/own/{kind}", {"sub": sub, "exp": YEAR_2100}, "the claim sub")
        forbidden(auth_edge, kind, f"/own/{kind}", {"exp": YEAR_2100}, "the claim sub")
        for rooms in OTHER_LISTS:
            forbidden(auth_edge, kind, f"/rooms/bob/{kind}", {"rooms": rooms, "exp": YEAR_2100}, "the channel")
        forbidden(auth_edge, kind, f"/rooms/bob/{kind}", {"exp": YEAR_2100}, "the channel")


def forbidden(edge: Edge, kind: str, path: str, said: dict[str, Any], by: str) -> None:
    """Asserts that a token is refused for its claims, on both passes. Only the log of the embedded edge tells for which."""
    for signed in (False, True):
        with logged(edge, f"The token does not allow this, because of {by}."):
            answer = asked(edge, kind, path, "authorization", by_pyjwt(said, "ES256"), signed)
        assert refusal(answer) == FORBIDDEN, said


@contextmanager
def logged(edge: Edge, reason: str) -> Iterator[None]:
    """Asserts that the edge logs a reason, in a line that is there only afterwards. Viceroy itself logs none."""
    before = len(edge.output)
    yield
    if edge.name == "viceroy":
        return
    wait_until(lambda: any(reason in line for line in edge.output[before:]))


def test_only_the_log_tells_each_way_to_be_wrong(auth_edge: Edge) -> None:
    """The answers to all wrong tokens are alike in every byte but the date."""
    token = by_pyjwt(claims("eve"), "HS256")
    ways = {
        "it does not have three parts": b"x",
        "it is not base64url": b"a.b!.c",
        "its header is not understood": by_hand({"alg": 1}, claims("eve")),
        "it is not valid JSON": b"e30x." + token.partition(b".")[2],
        "it is too long": b"x" * 9000,
        "it is not signed with a key that the edge knows": token[:-4] + b"AAAA",
        "it has expired": by_pyjwt({**claims("eve"), "exp": 1}, "ES256"),
        "it is not valid yet": by_pyjwt({**claims("eve"), "nbf": YEAR_2100}, "RS256"),
        "it does not have the claim exp": by_pyjwt({"sub": "eve"}, "HS256"),
        "it is for another audience": by_pyjwt({**claims("eve"), "aud": "another"}, "HS256"),
    }
    answers = set()
    for way, wrong in ways.items():
        with logged(auth_edge, f": The token is refused: {way}."):
            answer = asked(auth_edge, "sse", "/own/sse", "authorization", wrong, signed=False)
        assert refusal(answer) == INVALID, way
        own = [
            header for header in answer.headers.multi_items() if not header[0].startswith(("date", "fanroute-", "server-timing"))
        ]
        answers.add((answer.content, tuple(own)))
    assert len(answers) == 1
    with logged(auth_edge, ": This request needs a token."):
        assert refusal(auth_edge.request("GET", "/own/sse")) == NO_TOKEN


def asked(edge: Edge, kind: str, path: str, place: str, token: bytes, signed: bool) -> httpx.Response:
    """Returns the answer to a request with a token in a place, sent by a client or, if `signed`, with Fanout's signature."""
    query, headers = placed(place, token) if place else ("", [])
    if kind == "socket" and signed:
        pinned = edge.pin(path, websocket=True)
        return edge.request("POST", path + query, headers=[*headers, GRIP, EVENTS, *pinned], content=b"OPEN\r\n")
    handshake = HANDSHAKE if kind == "socket" else []
    return edge.request("GET", path + query, headers=[*headers, *handshake, *([GRIP, *edge.pin(path)] if signed else [])])


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Returns the status, text and challenge of a refusal, and asserts that it has no instructions."""
    assert not [name for name in answer.headers if name.startswith("grip-")]
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.status_code, answer.text, answer.headers["www-authenticate"]


@contextmanager
def nothing_handed_off(edge: Edge) -> Iterator[None]:
    """Asserts, by the edge's log, that no request meanwhile is handed off. A request at the end is."""
    before = -1
    while before != len(edge.output):  # so that it tells no more of what was asked before
        before = len(edge.output)
        time.sleep(0.3)

    def handed_off() -> list[str]:
        return [line for line in edge.output[before:] if "pass 1+2" in line or "Handoff target" in line]

    yield
    with edge.client.stream("GET", "/witness") as witness:
        assert next(witness.iter_lines()) == "ready"
    wait_until(handed_off)
    assert len(handed_off()) == 1


def test_of_two_tokens_none_counts(auth_edge: Edge) -> None:
    """If two tokens are in one place, it is not known whose they are."""
    ann, bob = (b"session=" + by_pyjwt(claims(user), "HS256") for user in ("ann", "bob"))
    bearers = [("Authorization", b"Bearer " + by_pyjwt(claims(user), "HS256")) for user in ("ann", "bob")]
    for headers in (
        bearers,
        bearers[:1] * 2,
        [("Cookie", ann + b"; " + bob)],
        [("Cookie", ann), ("Cookie", bob)],
        [("Cookie", ann), ("Cookie", b"a=b; " + ann)],
    ):
        for grip in ([], [GRIP, *auth_edge.pin("/own/stream")]):
            assert refusal(auth_edge.request("GET", "/own/stream", headers=[*headers, *grip])) == INVALID


def test_a_cookie_in_one_of_several_lines(auth_edge: Edge) -> None:
    """On both passes: Fanout sends all Cookie lines."""
    lines = [("Cookie", b"a=b"), ("Cookie", b"session=" + by_pyjwt(claims("ann"), "HS256")), ("Cookie", b"c=d")]
    assert first_messages_of_all(auth_edge, "stream", [("/own/stream", lines)]) == [["for user-ann"] * 2]


def test_the_first_place_counts(auth_edge: Edge) -> None:
    ann, bob = (by_pyjwt(claims(user), "HS256") for user in ("ann", "bob"))
    headers = [("Authorization", b"Bearer " + ann), ("Cookie", b"session=" + bob)]
    assert first_messages_of_all(auth_edge, "sse", [(f"/own/sse?token={bob.decode()}", headers)]) == [["for user-ann"] * 2]


@pytest.mark.parametrize("path", ["/own/socket", "/own/protocol/socket"])
def test_a_browser_opens_a_websocket_with_its_token(auth_edge: Edge, chromium: Browser, path: str) -> None:
    """It is given as a subprotocol, because a page can set no header. The answer never chooses the token."""
    token = by_pyjwt(claims("ann"), "HS256").decode()
    script = """
        const socket = new WebSocket(location.origin.replace("http", "ws") + args[0], args[1]);
        return await new Promise((done) => {
            socket.onopen = () => done([socket.protocol]);
            socket.onclose = (event) => done(["closed", event.code]);
        });
    """
    chromium.open(f"{auth_edge.url}/nothing")
    chosen = "chat.v1" if "protocol" in path else "bearer"
    offers = {
        ("bearer", token): ["bearer"],
        ("bearer", token, "chat.v1"): [chosen],
        ("chat.v1", "bearer", token): [chosen],
        ("bearer", token[:-4]): ["closed", 1006],
        (token, "bearer"): ["closed", 1006],
        (): ["closed", 1006],
    }
    assert {offer: chromium.run(script, path, list(offer)) for offer in offers} == offers
    chromium.open("about:blank")


def test_a_token_after_a_subprotocol_is_checked_on_both_passes(auth_edge: Edge) -> None:
    with nothing_handed_off(auth_edge):
        for what, token in (WRONG | tampered(claims("eve"), int(time.time()))).items():
            if set(token) & set(b"\0, \t\n\r") or not token:
                continue  # no subprotocol can have that
            for signed in (False, True):
                assert refusal(asked(auth_edge, "socket", "/own/socket", "protocol", token, signed)) == INVALID, what


def test_a_websocket_hears_what_its_subprotocol_token_says(auth_edge: Edge) -> None:
    token = by_pyjwt(claims("ann"), "HS256").decode()
    with open_websocket(auth_edge, "/own/socket", subprotocols=["bearer", token]) as client:
        assert client.subprotocol == "bearer"
        for user in ("bob", "ann"):
            auth_edge.publish_items(message(f"user-{user}"))
        assert client.recv(timeout=ANSWER_TIMEOUT) == "for user-ann"
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"


def test_a_backend_gets_no_token_of_a_subprotocol(auth_edge: Edge, origin: Origin) -> None:
    """It could not be kept from the backend of a handoff or tunnel, so it is no token there, and the client gets a 401."""
    before = len(origin.targets)
    headers = [*HANDSHAKE, *placed("protocol", by_pyjwt(claims("ann"), "HS256"))[1]]
    with nothing_handed_off(auth_edge):
        for path in ("/tunnel/echo", "/origin/socket", "/forward/x"):
            assert refusal(auth_edge.request("GET", path, headers=headers)) == NO_TOKEN
    assert not [target for target in origin.targets[before:] if target.startswith(("/tunnel", "/origin", "/forward"))]


def test_a_subprotocol_may_be_optional(auth_edge: Edge) -> None:
    for offered, chosen in ((None, None), (["other"], None), (["other", "chat.v1", "chat.v2"], "chat.v1")):
        with open_websocket(auth_edge, "/open/socket", subprotocols=offered) as client:
            client.send("hello")
            assert (client.recv(timeout=ANSWER_TIMEOUT), client.subprotocol) == ("hello", chosen)


def test_a_key_that_is_not_there_lets_nobody_in(auth_edge: Edge) -> None:
    answer = auth_edge.request("GET", "/unready", headers=placed("authorization", by_pyjwt(claims("ann"), "HS256"))[1])
    assert (answer.status_code, answer.text) == (500, "A key that the edge needs to verify tokens is missing or unusable.\n")


PASSED_ON = [("{}", ""), ("a=b&{}&c", "?a=b&c"), ("{}&a=%20&token=x&%74oken=y", "?a=%20")]


@pytest.mark.parametrize(("query", "left"), PASSED_ON)
def test_no_backend_gets_a_token_of_the_query(auth_edge: Edge, origin: Origin, query: str, left: str) -> None:
    """A backend gets the other parameters."""
    token = by_pyjwt(claims("ann"), "HS256").decode()
    asked = "?" + query.format(f"token={token}")
    before = len(origin.targets)
    for path in ("/handoff", "/forward/x"):
        answer = auth_edge.request("GET", path + asked)
        assert seen(answer)["target"] == path + left
        assert token not in answer.text
    with open_websocket(auth_edge, f"/tunnel/echo{asked}") as client:
        client.send("seen")
        assert token not in str(client.recv(timeout=ANSWER_TIMEOUT))
    with open_websocket(auth_edge, f"/origin/socket{asked}") as client:
        client.send("bye")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "ciao"
    targets = origin.targets[before:]
    assert {path + left for path in ("/handoff", "/forward/x", "/tunnel/echo", "/origin/socket")} <= set(targets)
    assert not [target for target in targets if "oken=" in target]


@pytest.mark.parametrize(("query", "left"), PASSED_ON)
def test_a_rewrite_keeps_no_token(auth_edge: Edge, query: str, left: str) -> None:
    """A claim in the path is that of the token, which the backend does not get."""
    token = by_pyjwt(claims("ann"), "HS256").decode()
    answer = auth_edge.request("GET", f"/rewritten/x?{query.format(f'token={token}')}")
    assert seen(answer)["target"] == f"/of/ann/x{left}"
    assert token not in answer.text


def test_a_redirect_keeps_no_token(auth_edge: Edge) -> None:
    """A token in the query is for this service, and not for the host that the redirect leads to."""
    token = by_pyjwt(claims("ann"), "ES256").decode()
    for query, left in (("?token={}", ""), ("?a=b&token={}&c", "?a=b&c"), ("?%74oken={}&token=x&a", "?a")):
        answer = auth_edge.request("GET", f"/moved/x{query.format(token)}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"https://www.example.com/moved/x{left}")
    assert auth_edge.request("GET", "/moved/x?a=b").status_code == 401


@pytest.mark.parametrize("path", ["/handoff", "/forward/x"])
def test_a_backend_gets_headers_with_a_token(auth_edge: Edge, path: str) -> None:
    token = by_pyjwt(claims("ann"), "HS256").decode()
    headers = [("Authorization", f"Bearer {token}"), ("Cookie", f"a=b; session={token}")]
    request = seen(auth_edge.request("GET", path, headers=headers))
    assert values(request, "authorization") == [f"Bearer {token}"]
    assert values(request, "cookie") == [f"a=b; session={token}"]


@pytest.mark.parametrize("kind", ["stream", "sse", "poll"])
def test_a_page_may_read_why_not(auth_edge: Edge, kind: str) -> None:
    for page, allowed in ((CHAT, CHAT), ("https://evil.example", None)):
        answer = auth_edge.request("GET", f"/own/{kind}", headers={"Origin": page})
        assert refusal(answer) == NO_TOKEN
        assert answer.headers.get("access-control-allow-origin") == allowed


def test_a_preflight_needs_no_token(auth_edge: Edge) -> None:
    headers = {"Origin": CHAT, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = auth_edge.request("OPTIONS", "/own/stream", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, CHAT)
    assert answer.headers["access-control-allow-headers"] == "Authorization"


def test_a_foreign_page_does_not_get_in_by_its_visitors_cookie(auth_edge: Edge) -> None:
    cookie = b"session=" + by_pyjwt(claims("ann"), "HS256")
    with open_websocket(auth_edge, "/own/socket", origin=CHAT, additional_headers={"Cookie": cookie.decode()}) as client:
        client.send("hello")
        assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
    from_fanout = [GRIP, EVENTS, *auth_edge.pin("/own/socket", websocket=True)]
    for signed in (False, True):
        headers = [("Cookie", cookie), ("Origin", "https://evil.example"), *(from_fanout if signed else HANDSHAKE)]
        answer = auth_edge.request("POST" if signed else "GET", "/own/socket", headers=headers)
        assert (answer.status_code, answer.text) == (403, "Pages of this origin must not open a WebSocket here.\n")


def test_a_websocket_ends_with_its_token(auth_edge: Edge) -> None:
    """With a code of IANA's registry, at the first message after the token expires."""
    while True:
        token = by_pyjwt({**claims("ann"), "exp": int(time.time()) + 3}, "HS256").decode()
        try:
            with (
                open_websocket(auth_edge, "/short/socket", additional_headers={"Authorization": f"Bearer {token}"}) as client,
                pytest.raises(ConnectionClosed),
            ):
                while True:
                    client.send("hello")
                    assert client.recv(timeout=ANSWER_TIMEOUT) == "hello"
                    time.sleep(0.1)
            assert (client.close_code, client.close_reason) == (3000, "The token has expired.")
            return
        except InvalidStatus as late:
            assert late.response.status_code == 401


def test_no_log_has_a_token(auth_edge: Edge) -> None:
    """Neither those of the tests before, nor one in the query now. Every token begins like any JSON object in base64."""
    for kind in ("stream", "socket"):
        query, _ = placed("query", by_pyjwt(claims("ann"), "HS256"))
        first_messages_of_all(auth_edge, kind, [(f"/own/{kind}{query}", [])])
        auth_edge.request("GET", f"/own/{kind}{query}x")
    # No protocol of this route: aiohttp would print what is offered.
    with open_websocket(auth_edge, "/open/socket", subprotocols=["other", by_pyjwt(claims("ann"), "HS256").decode()]):
        pass
    wait_until(lambda: [line for line in auth_edge.output if "token=…" in line])
    logs = {"what is printed": "".join(auth_edge.output)}
    logs |= {log.name: log.read_text(errors="replace") for log in (auth_edge.folder / "build" / "logs").glob("*")}
    assert [name for name, text in logs.items() if "eyJ" in text] == []
    assert ("pushpin-handler.log" in logs) == (auth_edge.name == "viceroy")
