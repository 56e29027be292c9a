"""Admits clients to a route: reads their tokens, and checks what these allow.

Sources: RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 6265 (cookies).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from fanroute_runtime.grip.instructions import MAX_VALUE, is_valid_value
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.jose.jwt import BadToken, Claims, parse, require_current
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from fanroute_runtime.matching.predicates import text_predicate
from fanroute_runtime.messages import Binding, Refused, Request
from fanroute_runtime.plan import Bound, Condition, Key, StoreEntry, Template
from fanroute_runtime.plan.auth import Auth, TokenPlace

# Stands for a token in a query parameter that is not UTF-8. It is refused like any malformed token.
NOT_A_TOKEN = b"."
# All that a client is told with a 401 and with a 403. More would help those who try out tokens.
UNAUTHORIZED = "This request needs a valid token."
FORBIDDEN = "The token does not allow this request."
# Verifies the tokens of `fanroute token`, which name it by its `kid`. Only local edges have it, so only they accept these tokens.
LOCAL_TOKEN_KEY = Key("HS256", StoreEntry("config", LOCAL_STORE, "token_key"), kid="fanroute-local")


class Guard:
    """Admits clients as an Auth requires. The client is not told why its token is refused: only the Refused has the reason.

    Args:
        auth: the token that a client needs.
        keys: the keys of this Auth, and of others.
        realm: the protection space that WWW-Authenticate names (RFC 9110, 11.5).
    """

    def __init__(self, auth: Auth, keys: Keys, realm: str) -> None:
        self._auth = auth
        self._keys = keys
        self._realm = realm
        self._claims = [(condition.name, condition.templates, _claim_predicate(condition)) for condition in auth.claims]
        parts = [part for condition in auth.claims for template in condition.templates for part in template]
        self._compared = [part for part in parts if isinstance(part, Bound) and part.source != "path"]
        self._parameters = frozenset(place.name for place in auth.places if place.kind == "query")

    def admit(self, client: ClientRequest, request: Request, value_of: Binding) -> Claims:
        """Returns the claims of the client's token. `value_of` gives the values of the request that claims are compared with.

        Raises Refused: 401 if there is no token or it cannot be accepted, 403 if its claims do not fit, 500 if a key is not in
        its store.
        """
        try:
            claims = self._verify_token(client, request)
        except BadToken as bad:
            raise self._invalid_token(bad) from bad
        claims = self._claims_of(claims)
        for name, templates, fits in self._claims:
            if not fits(claims.get(name)) and not _equals_template(templates, claims.get(name), value_of):
                raise self._insufficient(f"the claim {name}")
        return claims

    def claims_of_open_websocket(self, client: ClientRequest) -> Claims:
        """Returns the claims of the token that admitted the client of an open WebSocket. Fanout sends it with each event.

        Raises Refused (401) if it is missing.
        """
        try:
            return self._claims_of(parse(self._find_token(client) or b"").claims)
        except BadToken as bad:
            raise self._invalid_token(bad) from bad

    def bound_claim(self, claims: Claims, bound: Bound) -> str | None:
        """Returns a claim's text, or None if it has none. Raises Refused (403) for a `claim` that no channel can contain."""
        name = bound.name
        text = claim_text(claims.get(name))
        if bound.source != "claim":
            return text
        if text is None or len(text) > MAX_VALUE or not is_valid_value(text):
            raise self._insufficient(f"the claim {name}")
        return text

    def lists_channel(self, claims: Claims, name: str, channel: str) -> bool:
        """Returns True if a claim lists a channel, or is it."""
        return channel in _as_list(claims.get(name))

    def require_channels(self, claims: Claims, channels: Iterable[str]) -> None:
        """Checks that the token's holder may subscribe to some channels. Raises Refused (403)."""
        name = self._auth.channels
        if name and not all(self.lists_channel(claims, name, channel) for channel in channels):
            raise self._insufficient("the channel")

    def require_single_values(self, client: ClientRequest) -> None:
        """Raises Refused (400) if a value with which claims were compared occurs twice: a backend might read the other one."""
        for bound in self._compared:
            if client.has_several_values(bound):
                what = "query parameter" if bound.source == "query" else "header"
                raise Refused(400, f"The {what} {bound.name!r} must not occur more than once.")

    def uri_without_token(self, client: ClientRequest) -> str | None:
        """Returns the URI for the next hop, which never gets the token, or None if the URI has no token."""
        return client.uri_without(self._parameters) if self._parameters & client.query.keys() else None

    def _read_place(self, place: TokenPlace, client: ClientRequest) -> Iterable[bytes]:
        """Returns the tokens that a request has in a place."""
        return _TOKEN_READERS[place.kind](client, place.name)

    def _claims_of(self, claims: Claims) -> Claims:
        """Returns the claims that count, given those of a token."""
        return claims

    def _verify_token(self, client: ClientRequest, request: Request) -> Claims:
        """Returns the claims of the client's token after verifying it. Raises BadToken and Refused."""
        raw = self._find_token(client)
        if raw is None:
            raise self._challenge(401, "This request needs a token.", UNAUTHORIZED)
        token = parse(raw)
        is_local = token.kid == LOCAL_TOKEN_KEY.kid and request.service_id() == LOCAL_SERVICE
        keys = (LOCAL_TOKEN_KEY, *self._auth.keys) if is_local else self._auth.keys
        in_sets = self._keys.keys_of_sets(self._auth.key_sets, token.algorithm, request)
        candidates = (key for key in chain(keys, in_sets) if key.kid in ("", token.kid))
        self._keys.find_signer(token, candidates, request)
        require_current(token.claims, request.now(), self._auth.leeway)
        _require_parties(token.claims, self._auth)
        return token.claims

    def _find_token(self, client: ClientRequest) -> bytes | None:
        """Returns the token in the first place that has one. Raises BadToken if that place has several."""
        for place in self._auth.places:
            found = [token for token in self._read_place(place, client) if token]
            if len(found) > 1:
                raise BadToken("the request has more than one")
            if found:
                return found[0]
        return None

    def _invalid_token(self, bad: BadToken) -> Refused:
        return self._challenge(401, f"The token is refused: {bad}.", UNAUTHORIZED, "invalid_token")

    def _insufficient(self, what: str) -> Refused:
        return self._challenge(403, f"The token does not allow this, because of {what}.", FORBIDDEN, "insufficient_scope")

    def _challenge(self, status: int, reason: str, told: str, error: str = "") -> Refused:
        """Returns a refusal with its challenge. A request without a token gets no error code (RFC 6750, 3 and 3.1)."""
        challenge = f'Bearer realm="{self._realm}"'
        if error:
            challenge += f', error="{error}"'
        return Refused(status, reason, (("www-authenticate", challenge.encode()),), told)


def claim_text(value: Any) -> str | None:
    """Returns a claim as text. A number or boolean is written as in JSON. An object, list or null gives None."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _require_parties(claims: Claims, auth: Auth) -> None:
    """Checks issuer and audience of a token (RFC 7519, 4.1.1 and 4.1.3). Raises BadToken."""
    if auth.issuers and claims.get("iss") not in auth.issuers:
        raise BadToken("the edge does not accept its issuer")
    audiences = _as_list(claims["aud"]) if "aud" in claims else []
    if (auth.audiences or "aud" in claims) and not any(audience in auth.audiences for audience in audiences):
        raise BadToken("it is for another audience")


def _claim_predicate(condition: Condition) -> Callable[[Any], bool]:
    """Returns a function that says if a claim meets a condition. A missing claim is None.

    It does not compare the claim with the condition's templates: `_equals_template` does.
    """
    if not condition.values and not condition.pattern and not condition.templates:
        return lambda value: (value is not None) == condition.present
    fits = text_predicate(condition)
    return lambda value: any(fits(claim_text(item)) for item in _as_list(value))


def _equals_template(templates: Iterable[Template], value: Any, value_of: Binding) -> bool:
    """Returns True if a claim, or one of its items, equals one of the templates, expanded for the request."""
    texts = [claim_text(item) for item in _as_list(value)] if templates else []
    for template in templates:
        parts = [part if isinstance(part, str) else value_of(part) for part in template]
        if None not in parts and "".join(filter(None, parts)) in texts:
            return True
    return False


def _as_list(value: Any) -> list[Any]:
    """Returns the items of a claim that is a list, or any other claim as a list of one item."""
    return value if isinstance(value, list) else [value]


def _bearer_tokens(client: ClientRequest, name: str) -> Iterator[bytes]:
    """Yields the tokens in Authorization (RFC 6750, 2.1). A header with another scheme has none."""
    for value in client.values("authorization"):
        scheme, _, token = value.partition(b" ")
        if scheme.lower() == b"bearer":
            yield token.lstrip(b" ")


def _cookie_tokens(client: ClientRequest, name: str) -> Iterator[bytes]:
    """Yields the values of a cookie (RFC 6265, 4.2.1). HTTP/2 splits Cookie into several headers (RFC 9113, 8.2.3)."""
    for value in client.values("cookie"):
        for pair in value.split(b";"):
            key, _, token = pair.strip(b" \t").partition(b"=")
            if key == name.encode():
                yield token


def _query_token(client: ClientRequest, name: str) -> Iterator[bytes]:
    """Yields the first value of a query parameter (RFC 6750, 2.3)."""
    value = client.query.get(name, "")
    yield NOT_A_TOKEN if value is None else value.encode()


_TOKEN_READERS: dict[str, Callable[[ClientRequest, str], Iterator[bytes]]] = {
    "authorization": _bearer_tokens,
    "cookie": _cookie_tokens,
    "query": _query_token,
}
