"""Defines `auth`: the token that a client needs."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from fanroute.spec.claims import ClaimConditionOrValues, ClaimName
from fanroute.spec.keys import Issuer, VerificationKey, not_empty
from fanroute.spec.types import (
    DURATION,
    TOKEN,
    Duration,
    Line,
    Model,
    Parameter,
    Text,
    TextFormat,
    as_list,
    in_range,
    value_error,
    with_example,
)

# Longest leeway, in seconds.
MAX_LEEWAY = 300

_TOKEN_PLACES = "write authorization, {cookie: session} or {query: token}, or a list of them"


def _check_cookie(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not the name of a cookie", "use letters, digits, '-', '_' and '.'")
    return value


def _as_token_place(value: Any) -> Any:
    if isinstance(value, str) and value != "authorization":
        raise value_error(f"a token cannot be in {value!r}", _TOKEN_PLACES)
    return {"authorization": True} if value == "authorization" else value


KeyId = Annotated[Line, AfterValidator(not_empty("a key's id", "kid")), TextFormat("a key's id", "[^\\r\\n]+", ("2026-11",))]
Audience = Annotated[Line, AfterValidator(not_empty("an audience", "aud")), TextFormat("an audience", "[^\\r\\n]+", ("chat",))]
CookieName = Annotated[Text, AfterValidator(_check_cookie), TextFormat("a cookie", TOKEN.pattern, ("session",))]
Leeway = Annotated[
    Duration,
    AfterValidator(in_range(0, MAX_LEEWAY)),
    TextFormat(f"a duration of {MAX_LEEWAY // 60}m at most", DURATION.pattern, ("10s",)),
]


class ClientKey(VerificationKey):
    """A key for the signatures of clients' tokens."""

    kid: KeyId | None = None
    """The key's id. With it, the key is used only for tokens with this `kid`, otherwise for any."""


class TokenPlace(Model):
    """Names a place where a client's token may be."""

    model_config = with_example({"cookie": "session"}, minProperties=1, maxProperties=1)

    authorization: Literal[True] | None = None
    """In the Authorization header, after `Bearer`. `authorization` alone is short for this."""
    cookie: CookieName | None = None
    """In the cookie of this name."""
    query: Parameter | None = Field(None, examples=["token"])
    """In the query parameter of this name, for clients that cannot set a header. Backends do not get it."""

    @model_validator(mode="after")
    def _has_one_key(self) -> "TokenPlace":
        if len(self.model_fields_set) != 1:
            raise value_error("a token's place must have exactly one of 'authorization', 'cookie' and 'query'", _TOKEN_PLACES)
        return self


TokenPlaceOrName = Annotated[
    TokenPlace, BeforeValidator(_as_token_place, json_schema_input_type=Literal["authorization"] | TokenPlace)
]


class Auth(Model):
    """The token that a client needs: a JWT.

    A client without a valid token gets a 401. A client whose token does not allow the request gets a 403.
    """

    model_config = with_example(
        {"keys": {"algorithm": "ES256", "file": "keys/tokens.pem"}, "issuer": "https://login.example.com/"}
    )

    keys: Annotated[list[ClientKey], BeforeValidator(as_list), Field(min_length=1)]
    """The keys, one of which must have signed the token: one key or a list."""
    token: Annotated[list[TokenPlaceOrName], BeforeValidator(as_list), Field(min_length=1)] | None = None
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
    any_channel: Literal[True] | None = None
    """States that any client with such a token may subscribe to every channel of the route, although no claim restricts the
    choice."""
    on_expiry: Literal["keep", "close"] = "keep"
    """What happens to a WebSocket that the edge answers when its client's token expires: `keep` leaves it open, `close` closes it
    with code 3000. Other connections stay open."""

    @model_validator(mode="after")
    def _channels_or_any_channel(self) -> "Auth":
        if self.channels is not None and self.any_channel:
            raise value_error("'channels' and 'any_channel' contradict each other", "keep one of them")
        return self
