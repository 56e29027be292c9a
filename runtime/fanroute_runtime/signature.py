"""Grip-Sig: the header by which Fanout shows that a request comes from it."""

from fanroute_runtime.exchange import Request

HEADER = "grip-sig"


def came_through_fanout(request: Request) -> bool:
    """Whether a request is Fanout's: it has a Grip-Sig. The one place where that is decided."""
    return request.header(HEADER) is not None
