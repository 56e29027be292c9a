"""Defines `sandbox`: how long a sandbox takes further requests."""

from typing import Annotated

from pydantic import AfterValidator, Field

from fanroute.spec.types import (
    DURATION,
    MAX_SECONDS,
    SIZE,
    Model,
    Size,
    TextFormat,
    duration_between,
    value_error,
    with_example,
)

MAX_REQUESTS = 100_000
# Longest wait for a request, in seconds. Hosts wait less: Viceroy 10 seconds; Fastly does not say.
MAX_WAIT = 60
MIB = 1 << 20
# Most memory that Fastly gives a sandbox, in MiB.
MAX_MEMORY = 128


def _check_memory(value: int) -> int:
    if value % MIB or not 0 < value <= MAX_MEMORY * MIB:
        raise value_error("the size is out of range", f"write whole MiB, at least 1MiB and at most {MAX_MEMORY}MiB")
    return value


RequestCount = Annotated[int, Field(ge=1, le=MAX_REQUESTS, examples=[100])]
BackendRequests = Annotated[int, Field(ge=1, le=MAX_REQUESTS, examples=[32])]
Lifetime = Annotated[
    int,
    duration_between(1, MAX_SECONDS),
    TextFormat(f"a duration from 1s to {MAX_SECONDS // 60}m", DURATION.pattern, ("60s",)),
]
Memory = Annotated[
    Size, AfterValidator(_check_memory), TextFormat(f"a size from 1MiB to {MAX_MEMORY}MiB", SIZE.pattern, ("64MiB",))
]
Wait = Annotated[
    int,
    duration_between(1, MAX_WAIT),
    TextFormat(f"a duration from 1s to {MAX_WAIT // 60}m", DURATION.pattern, ("5s",)),
]


class Sandbox(Model):
    """Limits how long a sandbox takes further requests, if Fastly has more for it."""

    model_config = with_example({"max_requests": 100, "max_memory": "64MiB"})

    max_requests: RequestCount | None = None
    """Limits how many requests a sandbox takes. `1` gives each request a sandbox of its own. 1000 if not given."""
    max_lifetime: Lifetime | None = None
    """For how long a sandbox takes further requests. It also keeps a key from a store for as long. 60 s if not given."""

    max_backend_requests: BackendRequests | None = None
    """After how many requests to backends a sandbox takes no further request. Fastly limits them for one execution: to 32, or to
    10 for trial accounts. 10 if not given."""
    max_memory: Memory | None = None
    """Limits how much memory a sandbox may be using when it takes another request. If not given, any amount."""
    next_request_timeout: Wait | None = None
    """Limits how long a sandbox waits for another request. 1 s if not given."""
