"""Cross-origin resource sharing: which pages of other origins may read an answer.

Source: the Fetch standard's CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Iterable
from dataclasses import replace

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.origins import ANY, matches_origin
from fanroute_runtime.messages import Answer, Binding, Headers, Request
from fanroute_runtime.plan import Cors, HeaderRules, Preflight

_VARY = ("vary", b"Origin")


def answer_preflight(action: Preflight, request: Request, bound: Binding) -> Answer:
    """Allow the method that a page asks for, which the route's match takes; no content, as no page ever sees it."""
    return Answer(204, (("access-control-allow-methods", request.header("access-control-request-method") or b""),))


def cors_headers(cors: Cors, client: ClientRequest) -> Headers:
    """Returns the headers that let a page of one of the origins read an answer to its request.

    A page of another origin gets none of these, so its browser keeps the answer from it. `Vary` tells caches that the answer
    depends on Origin.
    """
    if cors.origins == ANY:
        return (("access-control-allow-origin", b"*"), *cors.headers)
    origin = client.header("origin")
    if origin is None or not matches_origin(origin, cors.origins):
        return (_VARY,)
    return (_VARY, ("access-control-allow-origin", origin.encode("latin-1")), *cors.headers)


def add_cors_headers(answer: Answer, headers: Headers) -> Answer:
    """Adds CORS headers to an answer of the edge's own; what it varies by stays on one line (RFC 9110, 12.5.5)."""
    if _VARY not in headers:
        return replace(answer, headers=answer.headers + headers) if headers else answer
    kept = tuple(header for header in answer.headers if header[0] != "vary")
    varies = (*(value for name, value in answer.headers if name == "vary"), b"Origin")
    return replace(answer, headers=(*kept, ("vary", b", ".join(varies)), *headers[1:]))


def replace_cors_headers(names: Iterable[str], headers: Headers) -> HeaderRules:
    """Returns rules that put CORS headers in place of a backend's, whose answer has headers of some names."""
    return HeaderRules(add=headers, remove=tuple(name for name in names if name.startswith("access-control-")))
