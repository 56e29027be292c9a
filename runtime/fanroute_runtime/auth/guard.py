"""Which clients a route lets in: the tokens they come with, and what these allow.

Sources: RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 6265 (cookies).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fanroute_runtime.grip.instructions import MAX_VALUE, is_valid_value
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.jose.jwt import BadToken, Claims, parse, require_current
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.matching.predicates import text_predicate
from fanroute_runtime.messages import Binding, Refused, Request
from fanroute_runtime.plan import Auth, Bound, Condition, Template

# What stands for a query parameter that is not UTF-8.
NOT_A_TOKEN = b"."


class Guard:
    """Lets clients in by an Auth, or says in the answer's WWW-Authenticate why not.

    Args:
        auth: which token they need.
        keys: its keys, among others.
        realm: what they want to get into (RFC 9110, 11.5).
    """

    def __init__(self, auth: Auth, keys: Keys, realm: str) -> None:
        self._auth = auth
        self._keys = keys
        self._realm = realm
        self._claims = [(condition.name, condition.templates, _claim_predicate(condition)) for condition in auth.claims]
        parts = [part for condition in auth.claims for template in condition.templates for part in template]
        self._compared = [part for part in parts if isinstance(part, Bound) and part.source != "path"]
        self._parameters = frozenset(place.name for place in auth.places if place.kind == "query")

    def admit(self, client: ClientRequest, request: Request, bound: Binding) -> Claims:
        """The claims of the client's token; `bound` is what the match has bound, for claims that must be equal to it.

        Raises Refused: 401 for none, or one that cannot be accepted; 403 for one whose claims are not as they must be; 500
        where a key is not in its store.
        """
        try:
            claims = self._verify_token(client, request)
        except BadToken as bad:
            raise self._invalid_token(bad) from bad
        for name, templates, fits in self._claims:
            if not fits(claims.get(name)) and not _equals_template(templates, claims.get(name), bound):
                raise self._insufficient(f"the claim {name}")
        return claims

    def claims_of_open_websocket(self, client: ClientRequest) -> Claims:
        """The claims of the token by which the client of an open WebSocket was let in: Fanout sends it with each event.

        Raises Refused (401) where it does not.
        """
        try:
            return parse(self._find_token(client) or b"").claims
        except BadToken as bad:
            raise self._invalid_token(bad) from bad

    def claim_value(self, claims: Claims, name: str) -> str:
        """A claim as it can stand in a channel: a text or number. Raises Refused (403)."""
        text = claim_text(claims.get(name))
        if text is None or len(text) > MAX_VALUE or not is_valid_value(text):
            raise self._insufficient(f"the claim {name}")
        return text

    def require_channels(self, claims: Claims, channels: Iterable[str]) -> None:
        """See that the token's holder may subscribe to some channels. Raises Refused (403)."""
        if self._auth.channels:
            allowed = _as_list(claims.get(self._auth.channels))
            if not all(channel in allowed for channel in channels):
                raise self._insufficient("the channel")

    def require_single_values(self, client: ClientRequest) -> None:
        """See that a backend finds no other values than those that claims were compared with. Raises Refused (400)."""
        for bound in self._compared:
            if client.has_several_values(bound):
                what = "query parameter" if bound.source == "query" else "header"
                raise Refused(400, f"The {what} {bound.name!r} stands twice.")

    def uri_without_token(self, client: ClientRequest) -> str | None:
        """The URI for others than this service, which never get the token; None where it need not change."""
        return client.uri_without(self._parameters) if self._parameters & client.query.keys() else None

    def _verify_token(self, client: ClientRequest, request: Request) -> Claims:
        """Raises BadToken and Refused."""
        raw = self._find_token(client)
        if raw is None:
            raise self._challenge(401, "A token is needed.")
        token = parse(raw)
        candidates = (key for key in self._auth.keys if key.kid in ("", token.kid))
        self._keys.find_signer(token, candidates, request)
        require_current(token.claims, request.now(), self._auth.leeway)
        _require_parties(token.claims, self._auth)
        return token.claims

    def _find_token(self, client: ClientRequest) -> bytes | None:
        """The token in the first place that has one. Raises BadToken where it has two."""
        for place in self._auth.places:
            found = [token for token in _TOKEN_READERS[place.kind](client, place.name) if token]
            if len(found) > 1:
                raise BadToken("there are two")
            if found:
                return found[0]
        return None

    def _invalid_token(self, bad: BadToken) -> Refused:
        return self._challenge(401, f"The token is refused: {bad}.", "invalid_token")

    def _insufficient(self, what: str) -> Refused:
        return self._challenge(403, f"The token does not allow this, by {what}.", "insufficient_scope")

    def _challenge(self, status: int, reason: str, error: str = "") -> Refused:
        """A refusal with the challenge that RFC 6750, 3 has for it."""
        challenge = f'Bearer realm="{self._realm}"'
        if error:
            challenge += f', error="{error}", error_description="{reason}"'
        return Refused(status, reason, (("www-authenticate", challenge.encode()),))


def claim_text(value: Any) -> str | None:
    """A claim as text, as it stands in JSON if it is none; None for what has parts, or is null."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _require_parties(claims: Claims, auth: Auth) -> None:
    """See that a token is from whom it has to be, and for us (RFC 7519, 4.1.1 and 4.1.3). Raises BadToken."""
    if auth.issuers and claims.get("iss") not in auth.issuers:
        raise BadToken("it is not of an issuer of ours")
    meant = _as_list(claims["aud"]) if "aud" in claims else []
    if (auth.audiences or "aud" in claims) and not any(audience in auth.audiences for audience in meant):
        raise BadToken("it is not for an audience of ours")


def _claim_predicate(condition: Condition) -> Callable[[Any], bool]:
    """Whether a claim fits a condition, its templates aside; None is one that is not there."""
    if not condition.values and not condition.pattern and not condition.templates:
        return lambda value: (value is not None) == condition.present
    fits = text_predicate(condition)
    return lambda value: any(fits(claim_text(item)) for item in _as_list(value))


def _equals_template(templates: Iterable[Template], value: Any, bound: Binding) -> bool:
    """Returns True if a claim, or one of its items, equals what one of the templates gives for the request."""
    texts = [claim_text(item) for item in _as_list(value)] if templates else []
    for template in templates:
        parts = [part if isinstance(part, str) else bound(part) for part in template]
        if None not in parts and "".join(filter(None, parts)) in texts:
            return True
    return False


def _as_list(value: Any) -> list[Any]:
    """The items of a claim that is a list, or the one that stands in its place."""
    return value if isinstance(value, list) else [value]


def _bearer_tokens(client: ClientRequest, name: str) -> Iterator[bytes]:
    """Tokens in Authorization (RFC 6750, 2.1); of another scheme it has none."""
    for value in client.values("authorization"):
        scheme, _, token = value.partition(b" ")
        if scheme.lower() == b"bearer":
            yield token.lstrip(b" ")


def _cookie_tokens(client: ClientRequest, name: str) -> Iterator[bytes]:
    """A cookie's values (RFC 6265, 4.2.1); HTTP/2 splits Cookie into several headers (RFC 9113, 8.2.3)."""
    for value in client.values("cookie"):
        for pair in value.split(b";"):
            key, _, token = pair.strip(b" \t").partition(b"=")
            if key == name.encode():
                yield token


def _query_token(client: ClientRequest, name: str) -> Iterator[bytes]:
    """A query parameter's first value (RFC 6750, 2.3)."""
    value = client.query.get(name, "")
    yield NOT_A_TOKEN if value is None else value.encode()


_TOKEN_READERS: dict[str, Callable[[ClientRequest, str], Iterator[bytes]]] = {
    "authorization": _bearer_tokens,
    "cookie": _cookie_tokens,
    "query": _query_token,
}
