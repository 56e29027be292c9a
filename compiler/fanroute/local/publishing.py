"""The publish port of both local edges: checks who asks, and takes Fastly's path for Pushpin's."""

import re
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from fanroute.local import Backend
from fanroute.local.fanout import Log, end_to_end, unreachable
from fanroute.local.guard import refusal
from fanroute.local.tunnel import pass_on
from fanroute.local.upstream import Unreachable, ask

# Publishes what a request says; the second argument is its target as Pushpin has it.
Publish = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

PATH = "/publish/"
# The path of Fastly's API, whatever the service: https://www.fastly.com/documentation/reference/api/publishing/
_FASTLYS_PATH = re.compile(r"/service/[^/?#]+/publish/")


def guarded(publish: Publish, allowed: Collection[str], log: Log) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Returns the handler of a publish port, which answers 403 to requests that web pages of other sites make.

    Args:
        publish: takes the others.
        allowed: names of this machine beside the loopback names, as `guard.host_name` spells them.
        log: takes a line for each that is refused.
    """

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        hosts, origins, sites = (request.headers.getall(name, []) for name in ("Host", "Origin", "Sec-Fetch-Site"))
        reason = refusal(hosts, origins, sites, allowed)
        if reason:
            log(f"publishing → 403: {reason}")
            return web.Response(status=403, text=f"{reason}\n")
        return await publish(request, PATH if _FASTLYS_PATH.fullmatch(request.raw_path) else request.raw_path)

    return serve


def passing_on(url: str) -> Publish:
    """Returns a Publish that passes each request on to the publish endpoint of a Pushpin, and its answer back."""

    async def publish(request: web.BaseRequest, target: str) -> web.StreamResponse:
        headers = end_to_end([(name.decode("latin-1"), value) for name, value in request.raw_headers])
        body = request.content.iter_any() if request.body_exists else None
        try:
            answer = await ask(Backend(url), request.method, target, headers, body)
        except Unreachable as error:
            return unreachable("Pushpin", error)
        try:
            return await pass_on(request, answer.status, end_to_end(answer.headers), answer)
        finally:
            answer.close()

    return publish
