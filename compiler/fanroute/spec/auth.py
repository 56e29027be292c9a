"""Which clients a route is for: `auth`."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from fanroute.plan.routes import references
from fanroute.spec.keys import Issuer, VerificationKey, party
from fanroute.spec.match import Condition, ConditionOrValues
from fanroute.spec.types import (
    DURATION,
    TOKEN,
    Duration,
    Kind,
    Line,
    Model,
    Parameter,
    Text,
    as_list,
    at_least,
    template_of,
    value_error,
)

# Longest time that clocks may differ by, in seconds.
MAX_LEEWAY = 300

# Names of claims: what can be told in a WWW-Authenticate (RFC 6750, 3), without the braces of a reference.
_CLAIM = re.compile(r"[!#-\x5b\x5d-z|~]+")


def _claim(value: str) -> str:
    if not _CLAIM.fullmatch(value):
        raise value_error(
            f"{value!r} is not the name of a claim", "use printable ASCII without spaces, quotes, '\\', '{' and '}'"
        )
    return value


def _cookie(value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise value_error(f"{value!r} is not the name of a cookie", "use letters, digits, '-', '_' and '.'")
    return value


def _place(value: Any) -> Any:
    if isinstance(value, str) and value != "authorization":
        raise value_error(f"{value!r} is no place of a token", _PLACES)
    return {"authorization": True} if value == "authorization" else value


_PLACES = "write authorization, {cookie: session} or {query: token}; or a list of them"


KeyId = Annotated[Line, AfterValidator(party("a key's id", "kid")), Kind("a key's id", "[^\\r\\n]+")]
Audience = Annotated[Line, AfterValidator(party("an audience", "aud")), Kind("an audience", "[^\\r\\n]+")]
ClaimName = Annotated[Text, AfterValidator(_claim), Kind("a claim", _CLAIM.pattern)]
CookieName = Annotated[Text, AfterValidator(_cookie), Kind("a cookie", TOKEN.pattern)]
Leeway = Annotated[
    Duration, AfterValidator(at_least(0, MAX_LEEWAY)), Kind(f"a duration of {MAX_LEEWAY // 60}m at most", DURATION.pattern)
]


def _claim_condition(condition: Condition) -> Condition:
    """See that values which refer to the request refer to what a match binds."""
    for value in condition.values or ():
        if any(bound.source == "claim" for bound in references(template_of(value))):
            raise value_error(
                f"{value!r} refers to a claim", "compare a claim with a value, or with what the match binds, as '{tenant}'"
            )
    return condition


class ClientKey(VerificationKey):
    """A key that clients' tokens are signed with."""

    kid: KeyId | None = None
    """What tokens say in `kid`; the key is for these only then, otherwise for any."""


class TokenPlace(Model):
    """Where a client's token may be."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    authorization: Literal[True] | None = None
    """In the header Authorization, after `Bearer`; `authorization` alone is short for this."""
    cookie: CookieName | None = None
    """In the cookie of this name."""
    query: Parameter | None = None
    """In the query parameter of this name, for what can set no header. No backend gets it."""

    @model_validator(mode="after")
    def _one(self) -> "TokenPlace":
        if len(self.model_fields_set) != 1:
            raise value_error("a place is one of header, cookie and query parameter", _PLACES)
        return self


class Auth(Model):
    """Which token a client needs: a JWT. A client without one gets a 401, one whose token does not allow it a 403."""

    keys: Annotated[list[ClientKey], BeforeValidator(as_list), Field(min_length=1)]
    """The keys, of which one has signed it; one or a list."""
    token: (
        Annotated[
            list[Annotated[TokenPlace, BeforeValidator(_place, json_schema_input_type=Literal["authorization"] | TokenPlace)]],
            BeforeValidator(as_list),
            Field(min_length=1),
        ]
        | None
    ) = None
    """Where it is: the first of these places that has one counts. `authorization` if not given."""
    issuer: Annotated[list[Issuer], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Who has issued it, as it says in `iss`; one or a list."""
    audience: Annotated[list[Audience], BeforeValidator(as_list), Field(min_length=1)] | None = None
    """Whom it is for, as it says in `aud`; one or a list, of which one must fit. Without this, a token with `aud` is refused."""
    leeway: Leeway | None = None
    """How far clocks may differ: a token counts so much earlier and longer than it says in `nbf` and `exp`. 10 s if not given."""
    claims: dict[ClaimName, Annotated[ConditionOrValues, AfterValidator(_claim_condition)]] = Field(default_factory=dict)
    """What its claims must be, by name. Of a claim that is a list one item must fit. A value may contain what the match binds, as
    `{tenant}`: the claim must be equal to that."""
    channels: ClaimName | None = None
    """The claim that lists the channels which its holder may subscribe to. A route on any other channel is refused."""
    any_channel: Literal[True] | None = None
    """Says that any holder of such a token may subscribe to every channel of the route, although no claim restricts the
    choice."""
    on_expiry: Literal["keep", "close"] = "keep"
    """Whether a WebSocket that the edge answers stays open when its client's token expires, or is closed with code 3000. Another
    connection stays open."""

    @model_validator(mode="after")
    def _channels_are_said_once(self) -> "Auth":
        if self.channels is not None and self.any_channel:
            raise value_error("both 'channels' and 'any_channel'", "keep one")
        return self
