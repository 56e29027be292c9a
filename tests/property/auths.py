"""Provides strategies for `auth`, its profiles and clients' tokens. They complete those of language.py and requests.py."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from fanroute.plan.request import TIME, RequestData
from tests.property import language, reference, tokens
from tests.property.language import one_or_list, references
from tests.support.tokens import EC, OTHER_EC, RSA, SECRET, jwk, public

Data = dict[str, Any]

STRANGER, LISTED = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
# The keys that a routes.yaml may name, by the entry of the store, and what is there.
KEYS: dict[str, Data] = {
    "login": {"algorithm": "HS256", "secret_store": "edge", "name": "login"},
    "es": {"algorithm": "ES256", "config_store": "edge", "name": "es"},
    "named": {"algorithm": "ES256", "config_store": "edge", "name": "named", "kid": "2026"},
    "jwks": {"algorithm": ["RS256", "ES256"], "jwks": True, "config_store": "edge", "name": "jwks"},
}
DOCUMENT = {"keys": [{**jwk(RSA), "kid": "r"}, {**jwk(LISTED), "kid": "e"}]}
SECRETS = {"edge": {"login": SECRET}}
CONFIGS = {
    "edge": {
        "es": public(EC).decode(),
        "named": public(OTHER_EC).decode(),
        "other": public(STRANGER).decode(),
        "jwks": json.dumps(DOCUMENT),
    }
}
# The ways to sign a token: an algorithm, a key and a key id. The last three are nobody's.
SIGNERS: dict[str, tuple[Any, Any, str | None]] = {
    "login": ("HS256", SECRET, None),
    "es": ("ES256", EC, None),
    "es with an id": ("ES256", EC, "2026"),
    "named": ("ES256", OTHER_EC, "2026"),
    "rsa of the document": ("RS256", RSA, "r"),
    "ec of the document": ("ES256", LISTED, "e"),
    "the other key of the document": ("ES256", LISTED, "r"),
    "named, without its id": ("ES256", OTHER_EC, None),
    "stranger": ("ES256", STRANGER, None),
    "another secret": ("HS256", SECRET[::-1], None),
}

CLAIMS = ["role", "realm_access.roles", "https://example.com/plan", "/kubernetes.io/namespace", "scope", "tenant"]
ITEMS = st.sampled_from(["admin", "user", "a", "b", "1", "true", "1.5", "read", "write"])
ISSUERS, AUDIENCES = st.sampled_from(["https://a.example.com", "https://b.example.com"]), st.sampled_from(["chat", "shop"])
PLACES: dict[str, Any] = {
    "authorization": "authorization",
    "header": {"header": "X-Token"},
    "cookie": {"cookie": "session"},
    "query": {"query": "t0ken"},
    "protocol": {"protocol": "bearer"},
}
PROFILES = ["staff", "guests"]


def conditions(bound: list[str]) -> st.SearchStrategy[Any]:
    """Generates a condition on a claim, with references to what a match binds."""
    texts = st.one_of(ITEMS, st.sampled_from([*bound, *(f"t-{one}" for one in bound)])) if bound else ITEMS
    return st.one_of(
        one_or_list(texts),
        st.fixed_dictionaries({"values": st.lists(texts, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"pattern": st.sampled_from(["[a-z]+", "admin|user", r"\d+(\.5)?"])}),
        st.fixed_dictionaries({"present": st.booleans()}),
        st.fixed_dictionaries({"word": one_or_list(texts)}),
        st.fixed_dictionaries({"every_word": st.lists(texts, min_size=2, max_size=2, unique=True)}),
    )


def claim_conditions(bound: list[str]) -> st.SearchStrategy[Data]:
    return st.dictionaries(st.sampled_from(CLAIMS), conditions(bound), max_size=2)


def rules(bound: list[str], places: list[str]) -> dict[str, st.SearchStrategy[Any]]:
    """Returns strategies for the keys of an `auth`, except `keys`. The first place can be the only one."""
    several = st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True)
    with_first = several.map(lambda kinds: kinds if set(kinds) - {"protocol"} else [*kinds, places[0]])
    chosen = with_first.map(lambda kinds: [PLACES[kind] for kind in kinds])
    return {
        "token": chosen.map(lambda given: given[0] if len(given) == 1 else given),
        "issuer": one_or_list(ISSUERS),
        "audience": one_or_list(AUDIENCES),
        "leeway": st.sampled_from(["0s", "1m"]),
        "claims": claim_conditions(bound),
    }


USED_KEYS = st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=2, unique=True).map(
    lambda names: KEYS[names[0]] if len(names) == 1 else [KEYS[name] for name in names]
)


def auths(bound: list[str], places: list[str], **further: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    """Generates a whole `auth`."""
    return st.fixed_dictionaries({"keys": USED_KEYS}, optional=rules(bound, places) | further)


def channels_or_any() -> st.SearchStrategy[Data]:
    return st.sampled_from([{}, {}, {"channels": "rooms"}, {"channels": "realm_access.rooms"}, {"any_channel": True}])


@st.composite
def authorized(draw: st.DrawFn, spec: Data) -> Data:
    """Generates a routes.yaml with tokens, from one without."""
    whole = list(PLACES)
    profiles = draw(st.dictionaries(st.sampled_from(PROFILES), auths([], whole), min_size=1))
    defaults = draw(
        st.one_of(st.just({}), st.sampled_from(sorted(profiles)).map(lambda name: {"auth": name}), own_default(whole))
    )
    routes = [draw(with_auth(route, profiles, defaults)) for route in spec["routes"]]
    found = spec | ({"defaults": defaults} if defaults else {}) | {"auth_profiles": profiles, "routes": routes}
    for number, route in enumerate(routes):
        auth = tokens.auth_of(found, route)
        if auth and {"cookie": "session"} in auth["token"] and not {"websocket", "tunnel"}.isdisjoint(route):
            route["origins"] = "https://chat.example.com"
        if auth and "authorization" in auth["token"] and "{header.authorization}" in str(route).lower():
            routes[number] = spec["routes"][number] | ({"public": True} if defaults else {})  # nobody else may see the token
    return found


def own_default(places: list[str]) -> st.SearchStrategy[Data]:
    return auths([], places).map(lambda auth: {"auth": auth})


@st.composite
def with_auth(draw: st.DrawFn, route: Data, profiles: Data, defaults: Data) -> Data:
    """Generates a route that asks for a token in one of the ways of routes.yaml, or for none."""
    (action,) = set(route) & set(tokens.ACTIONS)
    bound = [one for one in references(route.get("match", {})) if one.lower() != "{header.authorization}"]
    places = [place for place in PLACES if place != "protocol" or action == "websocket"]
    way = draw(st.sampled_from(["own", "profile", "changed", "own", "profile", "changed", "none", "public"]))
    if way in ("none", "public"):
        return route | ({"public": True} if way == "public" else {})
    further = draw(channels_or_any()) if action in tokens.HELD else {}
    if action == "websocket" and draw(st.booleans()):
        further = further | {"on_expiry": "close"}
    if way == "profile":
        auth: Any = draw(st.sampled_from(sorted(profiles)))
    elif way == "own":
        auth = draw(auths(bound, places)) | further
    else:
        named = {"profile": draw(st.sampled_from(sorted(profiles)))}
        auth = named | draw(st.fixed_dictionaries({}, optional=rules(bound, places))) | further
    return claimed(route, action, draw(st.sampled_from(["sub", "realm_access.id", "", ""]))) | {"auth": auth}


def claimed(route: Data, action: str, claim: str) -> Data:
    """Returns a route whose channel or location has a claim in it."""
    if claim and action in tokens.HELD:
        given = route[action]["channel"]
        channel = given | {"name": f"c-{{claim.{claim}}}"} if isinstance(given, dict) else f"c-{{claim.{claim}}}"
        return route | {action: route[action] | {"channel": channel}}
    return route | {"redirect": f"/users/{{claim.{claim}}}/x"} if claim and action == "redirect" else route


def specs() -> st.SearchStrategy[Data]:
    """Generates a whole routes.yaml, with tokens or without."""
    return st.one_of(language.specs(), language.specs().flatmap(authorized))


@st.composite
def environments(draw: st.DrawFn, spec: Data) -> Data:
    """Generates what differs in one environment of a generated routes.yaml, also in its profiles."""
    other = st.fixed_dictionaries(
        {}, optional={"keys": USED_KEYS, "issuer": one_or_list(ISSUERS), "audience": one_or_list(AUDIENCES)}
    )
    found = draw(language.environments(spec))
    if spec.get("auth_profiles"):
        found["auth_profiles"] = draw(st.dictionaries(st.sampled_from(sorted(spec["auth_profiles"])), other.filter(bool)))
    if isinstance(spec.get("defaults", {}).get("auth"), dict) and draw(st.booleans()):
        found["defaults"] = {"auth": draw(other.filter(bool))}
    return found


@st.composite
def with_tokens(draw: st.DrawFn, spec: Data, asked: RequestData) -> RequestData:
    """Generates a request with what a client may send as its token: the right one, a wrong one, several or none."""
    asked = replace(asked, secrets=SECRETS, configs={**asked.configs, **CONFIGS})
    number = reference.route_of(spec, reference.facts(asked.verb, asked.url, asked.headers, asked.address))
    auth = tokens.auth_of(spec, spec["routes"][number[0]]) if number else None
    if auth is None:
        return asked
    texts = [text for text in reference.facts(asked.verb, asked.url, asked.headers).segments if text]
    places = st.sampled_from(auth["token"] * 6 + list(PLACES.values()))
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 0]))):
        asked = placed(asked, draw(places), draw(signed(auth, texts)))
    return asked


@st.composite
def signed(draw: st.DrawFn, auth: Data, texts: list[str]) -> str:
    """Generates a token, which an `auth` admits more often than not."""
    trusted = {key["name"] for key in auth["keys"]}
    fitting = [name for name in SIGNERS if name in trusted or ("document" in name and "jwks" in trusted)]
    algorithm, key, kid = SIGNERS[draw(st.sampled_from(fitting * 12 + list(SIGNERS)))]
    claims: Data = {"exp": TIME + draw(st.sampled_from([60] * 8 + [0, -5, -10, -59, -60, -600]))}
    usual = st.sampled_from([True, True, True, False])
    for name, wanted in (("iss", auth["issuer"]), ("aud", auth["audience"])):
        if bool(wanted) == draw(usual):
            texts_of = st.sampled_from(wanted) if wanted and draw(usual) else {"iss": ISSUERS, "aud": AUDIENCES}[name]
            claims[name] = draw(one_or_list(texts_of) if name == "aud" else texts_of)
    if draw(st.sampled_from([False] * 7 + [True])):
        claims["nbf"] = TIME + draw(st.sampled_from([-1, 0, 1, 10, 61]))
    for name, condition in {**auth["claims"], "sub": "a", "realm_access.id": "a"}.items():
        put(
            claims,
            tokens.path_of(name),
            draw(st.one_of(fitting_values(condition, texts), fitting_values(condition, texts), values(texts))),
        )
    if auth.get("channels"):
        names = st.sampled_from(["c", "c-a", "c-ann", *texts])
        put(claims, tokens.path_of(auth["channels"]), draw(one_or_list(names)))
    token = jwt.encode(claims, key, algorithm, headers={} if kid is None else {"kid": kid})
    return draw(st.sampled_from([token] * 24 + [token[:-4], token + "A", token.replace(".", ""), "x", f"{token}.x"]))


def fitting_values(condition: Any, texts: list[str]) -> st.SearchStrategy[Any]:
    """Generates values that mostly fit a condition on a claim."""
    if isinstance(condition, dict) and "pattern" in condition:
        return st.sampled_from(["admin", "user", "1", 1.5, ["x y", "admin", 7]])
    if isinstance(condition, dict) and "present" in condition:
        return st.sampled_from(["a", 0, False]) if condition["present"] else st.none()
    if isinstance(condition, dict) and "every_word" in condition:
        return st.just(" ".join(condition["every_word"])) | st.just(condition["every_word"]) | values(texts)
    wanted = reference.listed(condition if not isinstance(condition, dict) else condition.get("values", condition.get("word")))
    plain = [text for text in wanted if "{" not in text]
    filled = [f"t-{text}" if template.startswith("t-") else text for template in wanted if "{" in template for text in texts]
    found = st.sampled_from([*plain, *filled, "ann"])
    return st.one_of(found, found.map(lambda text: [text, "other"]), found.map(lambda text: f"other {text}"))


def values(texts: list[str]) -> st.SearchStrategy[Any]:
    """Generates values of a claim of all types."""
    odd = [
        None,
        True,
        False,
        1,
        1.5,
        0,
        "",
        " ",
        "1",
        "read write",
        "read  write",
        ["read"],
        [],
        {},
        {"admin": 1},
        [["admin"]],
        "é",
    ]
    return st.one_of(ITEMS, st.sampled_from(odd), st.sampled_from(texts) if texts else ITEMS)


def put(claims: Data, path: tuple[str, ...], value: Any) -> None:
    """Puts a value into claims, with objects around it. None leaves a place empty."""
    *outer, last = path
    for name in outer:
        claims = claims.setdefault(name, {})
    if value is not None or last == "role":
        claims[last] = value


def placed(asked: RequestData, place: Any, token: str) -> RequestData:
    """Adds a token to a request, in a place as routes.yaml names it."""
    if place == PLACES["query"]:
        target, mark, fragment = asked.url.partition("#")
        return replace(asked, url=f"{target}{'&' if '?' in target else '?'}t0ken={quote(token)}{mark}{fragment}")
    header = {
        "authorization": ("authorization", f"Bearer {token}"),
        "header": ("x-token", token),
        "cookie": ("cookie", f"a=b; session={token}"),
        "protocol": ("sec-websocket-protocol", f"chat, bearer, {token}"),
    }[place if isinstance(place, str) else next(iter(place))]
    return replace(asked, headers=(*asked.headers, (header[0], header[1].encode())))


MUTATIONS = ["add a claim", "drop the claims", "another issuer", "another audience", "other places", "another key", "less leeway"]


@st.composite
def mutated(draw: st.DrawFn, profile: Data) -> Data:
    """Generates a profile that admits other clients than this one, or the same if the change has no effect."""
    how = draw(st.sampled_from(MUTATIONS))
    changes: dict[str, Data] = {
        "add a claim": {"claims": profile.get("claims", {}) | {"mutant": draw(conditions([]))}},
        "drop the claims": {"claims": {}},
        "another issuer": {"issuer": "https://c.example.com"},
        "another audience": {"audience": "mutants"},
        "other places": {"token": {"header": "X-Mutant"}},
        "another key": {"keys": {"algorithm": "ES256", "config_store": "edge", "name": "other"}},
        "less leeway": {"leeway": "0s"},
    }
    return profile | changes[how]
