"""Defines the names of claims and conditions on them."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from fanroute.diagnostics.printable import in_yaml, quoted
from fanroute.plan.routes import references
from fanroute.spec.claim_names import CLAIM, fault_of_claim
from fanroute.spec.match import Condition, Texts, as_condition
from fanroute.spec.types import Text, TextFormat, as_list, template_of, value_error, with_example


def check_claim(value: str) -> str:
    """Returns the name of a claim. Raises an error for anything else."""
    if not CLAIM.fullmatch(value):
        suggestion = "use printable ASCII without spaces, quotes, '\\', '{' and '}'"
        raise value_error(f"{quoted(value)} is not the name of a claim", suggestion)
    fault, suggestion = fault_of_claim(value)
    if fault:
        raise value_error(fault, suggestion)
    return value


def _check_claim_value(value: str) -> str:
    """Raises an error for a reference to a claim in a value. Values can refer only to what the match binds."""
    if any(bound.source == "claim" for bound in references(template_of(value))):
        suggestion = "compare a claim with a value, or with what the match binds, such as '{tenant}'"
        raise value_error(f"{quoted(value)} refers to a claim", suggestion)
    return value


# A space that is not part of a reference, such as `{query.first name}`.
_SEPARATOR = re.compile(r" (?![^{}]*\})")


def _check_word(value: str) -> str:
    words = _SEPARATOR.split(value)
    if len(words) > 1 and all(words):
        every, one = in_yaml({"every_word": words}), in_yaml({"word": words})
        suggestion = f"write {every} if it must have all of them, {one} if one is enough"
        raise value_error(f"{quoted(value)} is several words", suggestion)
    if not value or len(words) > 1:
        raise value_error(f"{quoted(value)} is not a word", "write it without spaces")
    return value


def _check_several(values: list[str]) -> list[str]:
    if len(values) == 1:
        raise value_error("'every_word' has only one word", f"write {in_yaml({'word': values[0]})}")
    return values


ClaimName = Annotated[
    Text,
    AfterValidator(check_claim),
    TextFormat("a claim", CLAIM.pattern, ("sub", "realm_access.roles", "https://example.com/roles")),
]
_Value = Annotated[Text, AfterValidator(_check_claim_value)]
_Word = Annotated[
    Text, AfterValidator(_check_word), AfterValidator(_check_claim_value), TextFormat("a word", r"([^ {]|\{[^}]*\})+")
]


class ClaimCondition(Condition):
    """A condition on a claim: it has one of these values, fits a pattern, has a word, or is present or absent."""

    model_config = with_example({"word": "events:read"}, minProperties=1, maxProperties=1)

    values: Annotated[list[_Value], Field(min_length=1)] | None = None
    """The values that it may have. A value or a list alone is short for this."""
    word: Annotated[list[_Word], BeforeValidator(as_list), Field(min_length=1)] | None = Field(None, examples=["events:read"])
    """A word that it must have, if it is a text of words with spaces between them, as a `scope` is, or a list. Of several words,
    one is enough."""
    every_word: Annotated[list[_Word], Field(min_length=1), AfterValidator(_check_several)] | None = Field(
        None, examples=[["events:read", "rooms:join"]]
    )
    """Words that it must have, all of them."""


ClaimConditionOrValues = Annotated[
    ClaimCondition, BeforeValidator(as_condition, json_schema_input_type=Text | Texts | ClaimCondition)
]
