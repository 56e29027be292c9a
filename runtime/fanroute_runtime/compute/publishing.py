"""Sends publish requests. Only components that publish have this module, and the functions of the host that it calls."""

from componentize_py_types import Err
from wit_world.imports import http_body, http_req
from wit_world.imports.backend import Backend

from fanroute_runtime.compute.edge import TIMED_OUT
from fanroute_runtime.messages import Answer, Publication


def carry_out(publication: Publication) -> Answer:
    """Publishes the messages of a publication, in order, and returns the answer for the client. Fastly caches nothing of it."""
    try:
        with Backend.open(publication.backend) as backend:
            for body in publication.bodies:
                if not 200 <= _send(publication, body, backend) < 300:
                    return publication.failure(502)
    except Err as error:
        return publication.failure(504 if isinstance(getattr(error.value, "detail", None), TIMED_OUT) else 502)
    return publication.published


def _send(publication: Publication, body: bytes, backend: Backend) -> int:
    """Sends a publish request, and returns the status of the answer. Raises Err."""
    request = http_req.Request.new()
    request.set_method("POST")
    request.set_uri(publication.uri)
    for name, value in (*publication.headers, ("content-length", b"%d" % len(body))):
        request.insert_header(name, value)
    content = http_body.new()
    while body:
        written = http_body.write(content, body)
        if not written:
            raise Err(None)
        body = body[written:]
    response, answer = http_req.send_uncached(request, content, backend)
    with response, answer:
        return response.get_status()
