"""Adds the headers of cross-origin resource sharing (CORS): they let pages of other origins read an answer.

Source: the Fetch standard's CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Iterable
from dataclasses import replace

from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.origins import ANY, matches_origin
from fanroute_runtime.messages import Answer, Binding, Headers, Request
from fanroute_runtime.plan import Cors, HeaderRules, Preflight

_VARY = ("vary", b"Origin")


def answer_preflight(action: Preflight, request: Request, value_of: Binding) -> Answer:
    """Answers a preflight request: allows the method that the page wants, because the route's match takes it.

    The answer has no content, because no page ever sees it.
    """
    return Answer(204, (("access-control-allow-methods", request.header("access-control-request-method") or b""),))


def cors_headers(cors: Cors, client: ClientRequest) -> Headers:
    """Returns the headers that let a page of one of the origins read an answer to its request.

    A page of any other origin gets none of these, so its browser does not let it read the answer. `Vary` tells caches that the
    answer depends on Origin.
    """
    if cors.origins == ANY:
        return (("access-control-allow-origin", b"*"), *cors.headers)
    origin = client.header("origin")
    if origin is None or not matches_origin(origin, cors.origins):
        return (_VARY,)
    return (_VARY, ("access-control-allow-origin", origin.encode("latin-1")), *cors.headers)


def add_cors_headers(answer: Answer, headers: Headers) -> Answer:
    """Adds CORS headers to an answer of the edge itself. All values of Vary stay on one line (RFC 9110, 12.5.5)."""
    if _VARY not in headers:
        return replace(answer, headers=answer.headers + headers) if headers else answer
    kept = tuple(header for header in answer.headers if header[0] != "vary")
    varies = (*(value for name, value in answer.headers if name == "vary"), b"Origin")
    return replace(answer, headers=(*kept, ("vary", b", ".join(varies)), *headers[1:]))


def replace_cors_headers(names: Iterable[str], headers: Headers) -> HeaderRules:
    """Returns rules that replace the CORS headers of a backend's answer. `names` are the names of the answer's headers."""
    return HeaderRules(add=headers, remove=tuple(name for name in names if name.startswith("access-control-")))
