"""Defines `auth`: the token that a client needs."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.diagnostics.printable import quoted
from fanroute.spec.claims import ClaimConditionOrValues, ClaimName
from fanroute.spec.headers import CHANGED_BY_FANOUT, reserved_reason
from fanroute.spec.keys import ClientAlgorithmName, Issuer, VerificationKey, not_empty
from fanroute.spec.types import (
    DURATION,
    NAME,
    TOKEN,
    HeaderName,
    Line,
    Model,
    OnlyTrue,
    Parameter,
    Text,
    TextFormat,
    as_list,
    duration_between,
    is_name,
    no_duplicates,
    value_error,
    with_example,
)

# Longest leeway, in seconds.
MAX_LEEWAY = 300

_TOKEN_PLACES = (
    "write authorization, {header: X-Auth-Token}, {cookie: session}, {query: token} or {protocol: bearer}, or a list of them"
)


# Headers that are places with another name, and headers that are about something else, which the edge or Fanout reads or changes.
_OTHER_PLACES = {
    "authorization": "token: authorization",
    "cookie": "{cookie: session}, with the name of the cookie",
    "sec-websocket-protocol": "{protocol: bearer}",
}
_NOT_FOR_TOKENS = dict.fromkeys(CHANGED_BY_FANOUT, "Fanout changes it") | dict.fromkeys(
    ("origin", "access-control-request-method", "access-control-request-headers"), "browsers set it, for CORS"
)


def _check_profile(value: str) -> str:
    if not is_name(value):
        name = value.removeprefix("profiles.").removeprefix("auth_profiles.")
        suggestion = f"write '{name}'" if is_name(name) else "begin with a letter, and use letters, digits, '-' and '_'"
        raise value_error(f"{quoted(value)} is not the name of a profile", suggestion)
    return value


def _as_auth(value: Any) -> Any:
    return {"profile": value} if isinstance(value, str) else value


def _check_cookie(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{quoted(value)} is not the name of a cookie", "use letters, digits, '-', '_' and '.'")
    return value


def _as_token_place(value: Any) -> Any:
    if isinstance(value, str) and value != "authorization":
        raise value_error(f"a token cannot be in {quoted(value)}", _TOKEN_PLACES)
    return {"authorization": True} if value == "authorization" else value


def _check_token_header(value: str) -> str:
    name = value.lower()
    if name in _OTHER_PLACES:
        raise value_error(f"'{value}' is a place with a name of its own", f"write {_OTHER_PLACES[name]}")
    if reason := reserved_reason(value, "match") or _NOT_FOR_TOKENS.get(name):
        raise value_error(f"a token cannot be in '{value}'", reason)
    return value


def _check_protocol(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{quoted(value)} is not the name of a subprotocol", "use letters, digits, '-', '_' and '.'")
    return value


KeyId = Annotated[Line, AfterValidator(not_empty("a key's id", "kid")), TextFormat("a key's id", "[^\\r\\n]+", ("2026-11",))]
Audience = Annotated[Line, AfterValidator(not_empty("an audience", "aud")), TextFormat("an audience", "[^\\r\\n]+", ("chat",))]
CookieName = Annotated[Text, AfterValidator(_check_cookie), TextFormat("a cookie", TOKEN.pattern, ("session",))]
ProfileName = Annotated[Text, AfterValidator(_check_profile), TextFormat("a profile's name", NAME.pattern, ("staff",))]
TokenHeader = Annotated[HeaderName, AfterValidator(_check_token_header), TextFormat("a header", TOKEN.pattern, ("X-Auth-Token",))]
TokenProtocol = Annotated[Text, AfterValidator(_check_protocol), TextFormat("a subprotocol", TOKEN.pattern, ("bearer",))]
Leeway = Annotated[
    int,
    duration_between(0, MAX_LEEWAY),
    TextFormat(f"a duration of {MAX_LEEWAY // 60}m at most", DURATION.pattern, ("10s",)),
]


class ClientKey(VerificationKey):
    """A key for the signatures of clients' tokens, or a JWKS document with such keys."""

    algorithm: Annotated[  # type: ignore[assignment]  # of a document there may be several
        list[ClientAlgorithmName], BeforeValidator(as_list), Field(min_length=1), AfterValidator(no_duplicates)
    ]
    """The only algorithm that the key is used with. For a JWKS document, one algorithm or a list: those that its keys may be used
    with."""
    jwks: OnlyTrue | None = None
    """States that the file or entry is a JWKS document, and not a single key. A token names its key there by `kid`."""
    kid: KeyId | None = None
    """The key's id. With it, the key is used only for tokens with this `kid`, otherwise for any."""


class TokenPlace(Model):
    """Names a place where a client's token may be."""

    model_config = with_example({"cookie": "session"}, minProperties=1, maxProperties=1)

    authorization: OnlyTrue | None = None
    """In the Authorization header, after `Bearer`. `authorization` alone is short for this."""
    header: TokenHeader | None = None
    """In the header of this name, as its whole value."""
    cookie: CookieName | None = None
    """In the cookie of this name."""
    query: Parameter | None = Field(None, examples=["token"])
    """In the query parameter of this name, for clients that cannot set a header. Backends do not get it."""
    protocol: TokenProtocol | None = None
    """After the subprotocol of this name, among those that a WebSocket offers: a page opens it with
    `new WebSocket(url, ["bearer", token])`. Only for `websocket`."""

    @model_validator(mode="after")
    def _has_one_key(self) -> "TokenPlace":
        if len(self.model_fields_set) != 1:
            *names, last = (f"'{name}'" for name in TokenPlace.model_fields)
            raise value_error(f"a token's place must have exactly one of {', '.join(names)} and {last}", _TOKEN_PLACES)
        return self


def _check_places(places: list[TokenPlace]) -> list[TokenPlace]:
    found: set[tuple[str, str]] = set()
    for place in places:
        ((kind, name),) = place.model_dump(exclude_none=True).items()
        one = (kind, {"header": str(name).lower(), "protocol": ""}.get(kind, str(name)))
        if one in found:
            message = (
                "a token can be after one subprotocol only" if kind == "protocol" else "two places for the token are the same"
            )
            raise value_error(message, "remove one of them")
        found.add(one)
    return places


TokenPlaceOrName = Annotated[
    TokenPlace, BeforeValidator(_as_token_place, json_schema_input_type=Literal["authorization"] | TokenPlace)
]


_Keys = Annotated[list[ClientKey], BeforeValidator(as_list), Field(min_length=1)]


class AuthRules(Model):
    """Describes the token that a client needs."""

    keys: _Keys | None = None
    """The keys, one of which must have signed the token: one key or a list."""
    token: (
        Annotated[list[TokenPlaceOrName], BeforeValidator(as_list), Field(min_length=1), AfterValidator(_check_places)] | None
    ) = None
    """Names where the token may be. In a list, the first place that has a token counts. `authorization` if not given."""
    issuer: Annotated[list[Issuer], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Who may have issued the token, as in its `iss`: one issuer or a list. If not given, anybody with one of the keys."""
    audience: Annotated[list[Audience], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Whom the token must be for, as in its `aud`: one audience or a list, one of which must fit. If not given, a token with an
    `aud` is refused."""
    leeway: Leeway | None = None
    """Allows clocks to differ by so much. A token is valid that much earlier than its `nbf`, and that much longer than its
    `exp`. 10 s if not given."""
    claims: dict[ClaimName, ClaimConditionOrValues] = Field(
        default_factory=dict, examples=[{"role": ["editor", "admin"], "room": "{room}"}]
    )
    """Conditions on the token's claims, by name. `realm_access.roles` is the claim `roles` within the claim `realm_access`. A
    name with a `:` or `/`, such as a URL, is that of one claim. If a claim is a list, one item must fit. A value can contain what
    the match binds, such as `{tenant}`; then the claim must be equal to the result."""
    channels: ClaimName | None = Field(None, examples=["channels"])
    """The claim that lists the channels which the client may subscribe to. A request for any other channel is refused."""
    any_channel: OnlyTrue | None = None
    """States that any client with such a token may subscribe to every channel of the route, although no claim restricts the
    choice."""
    on_expiry: Literal["keep", "close"] = "keep"
    """What happens to a WebSocket that the edge answers when its client's token expires: `keep` leaves it open, `close` closes it
    with code 3000. Other connections stay open."""

    @model_validator(mode="after")
    def _channels_or_any_channel(self) -> "AuthRules":
        if self.channels is not None and self.any_channel:
            raise value_error("'channels' and 'any_channel' contradict each other", "keep one of them")
        return self


class Profile(AuthRules):
    """A token that clients of several routes need: a JWT. A route uses it by its name: `auth: staff`."""

    model_config = with_example(
        {"keys": {"algorithm": "ES256", "file": "keys/tokens.pem"}, "issuer": "https://login.example.com/"}
    )

    keys: _Keys
    """The keys, one of which must have signed the token: one key or a list."""


class _FromProfile(Model):
    """Refers to a profile. Its key is the first of an `auth`."""

    profile: ProfileName | None = Field(None, examples=["staff"])
    """The profile that this is like. A key beside it replaces that of the profile. `claims` are merged claim by claim: if both
    name a claim, the condition here counts."""


class Auth(AuthRules, _FromProfile):
    """The token that a client needs: a JWT.

    A client without a valid token gets a 401. A client whose token does not allow the request gets a 403. The name of a profile
    alone is short for `profile`.
    """

    model_config = with_example(
        {"keys": {"algorithm": "ES256", "file": "keys/tokens.pem"}, "issuer": "https://login.example.com/"},
        oneOf=[{"required": ["keys"]}, {"required": ["profile"]}],
    )

    @model_validator(mode="after")
    def _keys_or_profile(self) -> "Auth":
        if self.keys is None and self.profile is None:
            raise value_error("'auth' has neither 'keys' nor a 'profile'", "write the keys, or the name of a profile")
        if self.keys is not None and self.profile is not None:
            raise value_error("'auth' has both 'keys' and a 'profile'", "keep one of them: a profile has keys of its own")
        return self


AuthOrProfile = Annotated[Auth, BeforeValidator(_as_auth, json_schema_input_type=ProfileName | Auth)]
