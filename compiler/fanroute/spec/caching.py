"""Defines how Fastly caches a backend's answers."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Tag, model_validator

from fanroute.diagnostics.printable import quoted
from fanroute.spec.types import DURATION, Model, TextFormat, duration_between, value_error, with_example

# The longest time for which an answer can be kept: a year.
MAX_AGE = 31_536_000

CacheTime = Annotated[
    int,
    duration_between(0, MAX_AGE),
    TextFormat(f"a duration of {MAX_AGE // 3600}h at most", DURATION.pattern, ("5m", "24h")),
]


class Cache(Model):
    """Says for how long Fastly caches the backend's answers, whatever their `Cache-Control` says."""

    model_config = with_example({"ttl": "5m", "stale_while_revalidate": "1h"}, minProperties=1)

    ttl: CacheTime | None = None
    """For how long an answer is fresh. If not given, what its `Cache-Control` says."""
    stale_while_revalidate: CacheTime | None = None
    """For how long after that clients get it while Fastly asks the backend again. If not given, what its `Cache-Control` says."""

    @model_validator(mode="after")
    def _says_something(self) -> "Cache":
        if self.ttl is None and self.stale_while_revalidate is None:
            raise value_error("this says nothing about caching", "write {ttl: 5m}, or pass")
        return self


def _check_word(value: Any) -> Any:
    if value != "pass":
        raise value_error(f"{quoted(value)} is no way to cache", "write pass, or a time as in {ttl: 5m}")
    return value


# A tag is part of an error's path, so it must not be a key.
_Pass = Annotated[Literal["pass"], BeforeValidator(_check_word, json_schema_input_type=Literal["pass"]), Tag("a word")]
CacheOrPass = Annotated[
    _Pass | Annotated[Cache, Tag("times")], Discriminator(lambda value: "times" if isinstance(value, dict | Cache) else "a word")
]
