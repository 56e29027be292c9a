"""Makes pins for requests that tests send as Fanout, as the first pass gives them to a client's request."""

from functools import cache

from fanroute.plan.request import CLIENT_ADDRESS, RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.http.headers import PIN
from fanroute_runtime.plan import Plan

UPGRADE = ("upgrade", b"websocket")


def pin(
    plan: Plan, url: str, *headers: tuple[str, bytes], verb: str = "GET", address: str | None = CLIENT_ADDRESS
) -> list[tuple[str, bytes]]:
    """Returns the pin's header for a client's request, or an empty list if its route is no endpoint."""
    asked = RequestData(verb, url, tuple((name.lower(), value) for name, value in headers), address=address)
    return [("Fanroute-Pin", value) for value in _tracer(plan).through_fanout(asked).values(PIN)]


@cache
def _tracer(plan: Plan) -> Tracer:
    return Tracer(plan, "self")
