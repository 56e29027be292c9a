"""How long a sandbox takes one request after another."""

from typing import Annotated

from pydantic import AfterValidator, Field

from fanroute.spec.types import DURATION, MAX_SECONDS, SIZE, Duration, Kind, Model, Size, at_least, value_error

MAX_REQUESTS = 100_000
# Longest wait for a request, in seconds. Hosts wait less: Viceroy 10 seconds, Fastly does not say.
MAX_WAIT = 60
MIB = 1 << 20
# What a sandbox of Fastly's may have, in MiB.
MAX_MEMORY = 128


def _memory(value: int) -> int:
    if value % MIB or not 0 < value <= MAX_MEMORY * MIB:
        raise value_error("the size is out of range", f"it is whole MiB, 1MiB at least and {MAX_MEMORY}MiB at most")
    return value


Requests = Annotated[int, Field(ge=1, le=MAX_REQUESTS)]
Lifetime = Annotated[
    Duration, AfterValidator(at_least(1, MAX_SECONDS)), Kind(f"a duration from 1s to {MAX_SECONDS // 60}m", DURATION.pattern)
]
Memory = Annotated[Size, AfterValidator(_memory), Kind(f"a size from 1MiB to {MAX_MEMORY}MiB", SIZE.pattern)]
Wait = Annotated[
    Duration, AfterValidator(at_least(1, MAX_WAIT)), Kind(f"a duration from 1s to {MAX_WAIT // 60}m", DURATION.pattern)
]


class Sandbox(Model):
    """Until when a sandbox takes another request, where Fastly has one for it."""

    max_requests: Requests | None = None
    """How many requests it takes. `1` is a sandbox of its own for each."""
    max_lifetime: Lifetime | None = None
    """For how long it takes another one. That is also how long it keeps a key that it has read of a store."""
    max_memory: Memory | None = None
    """How much memory it may have in use to take another one."""
    next_request_timeout: Wait | None = None
    """How long it waits for another one."""
