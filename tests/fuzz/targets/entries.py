"""Fuzzes what tells clients apart: a header or claim of any bytes has an entry of its own that fits into Fastly's counter."""

import json
import re
from typing import Any

from fanroute.plan.request import RequestData
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.limiter import MAX_NAME, entry_of
from fanroute_runtime.plan import Bound
from fanroute_runtime.plan.rate_limits import RateLimit
from tests.fuzz.target import Target

ADDRESS = "192.0.2.7"
BY_HEADER, BY_CLAIM = RateLimit(10, 10, 120, Bound("header", "x-key")), RateLimit(10, 10, 120, Bound("claim", "sub"))
PLAIN = re.compile(rf"[ -~]{{1,{MAX_NAME}}}")


def entry(limit: RateLimit, header: bytes, claims: dict[str, Any]) -> str:
    request = RequestData("GET", "http://a/", (("x-key", header),), address=ADDRESS)
    return entry_of(limit, ClientRequest(request, through_fanout=False), claims)


def check_entries(data: bytes) -> None:
    """Checks the entries of two values, which a form feed separates, as headers and as claims."""
    one, _, other = data.rpartition(b"\f")
    headers = [entry(BY_HEADER, value, {}) for value in (one, other)]
    claims = [entry(BY_CLAIM, b"", {"sub": claim_of(value)}) for value in (one, other)]
    assert all(map(PLAIN.fullmatch, (*headers, *claims)))
    assert (headers[0] == headers[1]) == (one == other)
    for value, by_header in zip((one, other), headers, strict=True):
        assert by_header.startswith("ip:") == (value == b"")
        assert by_header not in claims or by_header == f"ip:{ADDRESS}"


def claim_of(value: bytes) -> Any:
    """Returns the claim that a token has if its JSON has these bytes, or a text of them."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value.decode(errors="surrogateescape")


SEEDS = [
    *[b"ann\fbob", b'"ann"\fann', b"ip:192.0.2.7\fclaim:ann", b'["a"]\f7', b'"\\ud800"\f"\\ud801"'],
    b"x" * 57 + b"\f" + b"x" * 58,
]
WORDS = [b"ip:", b"claim:", b"header:", b"sha256:", b"\f", b"\xe9", b"\0", b'"', b"true", b"1e999", b"{}", b"x" * 64]
TARGETS = [Target("entries", check_entries, SEEDS, WORDS)]
