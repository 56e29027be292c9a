"""Tests which headers need a preflight request before a page of another origin may send them.

Source: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
"""

import pytest

from fanroute.pipeline import compile_routes
from fanroute.rules.cors import _needs_permission
from fanroute_runtime.plan import Condition
from tests.conftest import INPUTS


@pytest.mark.parametrize(
    ("condition", "needs_permission"),
    [
        (Condition("x-client"), True),
        (Condition("authorization"), True),
        (Condition("last-event-id", ("1",)), True),
        (Condition("x-http-method-override", ("PUT",)), True),
        (Condition("cookie"), False),
        (Condition("origin", ("https://a",)), False),
        (Condition("sec-fetch-mode", ("cors",)), False),
        (Condition("user-agent", pattern="curl.*"), False),
        (Condition("if-none-match"), False),
        (Condition("fastly-ff"), False),
        (Condition("fastly-client-ip", ("192.0.2.1",)), False),
        (Condition("x-fastly-a"), True),
    ],
)
def test_what_browsers_send_themselves_needs_no_leave(condition: Condition, needs_permission: bool) -> None:
    assert _needs_permission(condition) == needs_permission


@pytest.mark.parametrize(
    ("condition", "needs_permission"),
    [
        (Condition("content-type", ("application/json",)), True),
        (Condition("content-type", ("application/json", "Text/Plain; charset=utf-8")), False),
        (Condition("content-type", ("multipart/form-data",)), False),
        (Condition("content-type"), False),
        (Condition("content-type", pattern="application/.*"), False),
        (Condition("range", ("bytes=0-",)), False),
        (Condition("range", ("bytes=-5", "items=0-1")), True),
    ],
)
def test_some_headers_need_leave_by_their_values(condition: Condition, needs_permission: bool) -> None:
    assert _needs_permission(condition) == needs_permission


@pytest.mark.parametrize(
    ("header", "cors", "codes"),
    [
        ("x-client", "{origins: '*', headers: '*'}", []),
        ("authorization", "{origins: '*', headers: '*'}", ["FR447"]),
        ("authorization", "{origins: '*', headers: ['*', Authorization]}", []),
        ("x-client", "{origins: '*', headers: x-CLIENT}", []),
        ("last-event-id", "{origins: '*', headers: X-A}", ["FR432"]),
        ("fastly-ff", "{origins: '*'}", []),
        ("Fastly-SSL", "{origins: '*', headers: X-A}", []),
    ],
)
def test_any_header_is_any_but_authorization(header: str, cors: str, codes: list[str]) -> None:
    start = "version: 1\nservice: {name: x}\nbackends: {self: {loopback: true}}\nroutes:\n"
    route = f"  - match: {{path: /a, header: {{{header}: a}}}}\n    sse: {{channel: a, cors: {cors}}}\n"
    found = compile_routes((start + route).encode(), INPUTS).diagnostics
    assert [diagnostic.code for diagnostic in found] == codes
