"""Cross-origin resource sharing: which pages of other origins may read an answer.

Source: the Fetch standard's CORS protocol, https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from dataclasses import replace

from fanroute_runtime.exchange import Answer, Binding, Headers, Request
from fanroute_runtime.origins import ANY, is_one_of
from fanroute_runtime.plan import Cors, Preflight


def preflight(action: Preflight, request: Request, bound: Binding) -> Answer:
    """Allow the method that a page asks for, which the route's match takes; no content, as no page ever sees it."""
    return Answer(204, (("access-control-allow-methods", request.header("access-control-request-method") or b""),))


def share(answer: Answer, cors: Cors, request: Request) -> Answer:
    """The answer, with what lets a page of one of the origins read it.

    A page of another one gets the answer as it is, which its browser then keeps from it.
    """
    if cors.origins == ANY:
        return replace(answer, headers=(*answer.headers, ("access-control-allow-origin", b"*"), *cors.headers))
    headers = _vary_by_origin(answer.headers)
    origin = request.header("origin")
    if origin is not None and is_one_of(origin.decode("latin-1"), cors.origins):
        headers = (*headers, ("access-control-allow-origin", origin), *cors.headers)
    return replace(answer, headers=headers)


def _vary_by_origin(headers: Headers) -> Headers:
    """For caches: the answer depends on Origin, and on what it depended on before (RFC 9110, 12.5.5)."""
    others = tuple(header for header in headers if header[0] != "vary")
    return (*others, ("vary", b", ".join([*(value for name, value in headers if name == "vary"), b"Origin"])))
