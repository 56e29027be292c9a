"""Answers each request with the same GRIP instructions, with nothing but CPython and the bindings of Fanroute's WIT.

bench.contestants builds it with componentize-py; it is not imported.
"""

from wit_world import exports
from wit_world.imports import http_body, http_req, http_resp
from wit_world.imports.async_io import Pollable

HEADERS = {"content-type": b"text/plain", "grip-hold": b"stream", "grip-channel": b"test"}


class HttpIncoming(exports.HttpIncoming):
    def handle(self, request: http_req.Request, body: Pollable) -> None:
        response = http_resp.Response.new()
        for name, value in HEADERS.items():
            response.insert_header(name, value)
        http_resp.send_downstream(response, http_body.new())
