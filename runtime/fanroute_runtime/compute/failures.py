"""Recognizes errors of the host."""

from typing import Any

from componentize_py_types import Err
from wit_world.imports import http_req

# The errors which mean that a backend did not answer in time (RFC 9110, 15.6.5).
_TIMED_OUT = (
    http_req.SendErrorDetail_DnsTimeout,
    http_req.SendErrorDetail_ConnectionTimeout,
    http_req.SendErrorDetail_HttpResponseTimeout,
)


def timed_out(error: Err[Any]) -> bool:
    """Returns True if a backend did not answer in time."""
    return isinstance(getattr(error.value, "detail", None), _TIMED_OUT)
