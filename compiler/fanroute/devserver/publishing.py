"""Serves the publish port of both local edges: checks who publishes, and accepts the path of Fastly's API."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress

from aiohttp import web

from fanroute.devserver.config import LocalBackend
from fanroute.devserver.forwarding import bad_gateway, end_to_end
from fanroute.devserver.guard import refusal_reason
from fanroute.devserver.items import HTTP_RESPONSE, BadItem, Item, Message, is_valid_header, parse_publish
from fanroute.devserver.pubsub import Channels
from fanroute.devserver.upstream import Unreachable, forward_answer, send_request, whole
from fanroute.devserver.visits import Reporter
from fanroute_runtime.grip.publishing import MAX_PUBLISH

# Serves a publish request; the second argument is its target, as Pushpin expects it.
Publisher = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]

PATH = "/publish/"
# The path of Fastly's API, with any service: https://www.fastly.com/documentation/reference/api/publishing/
_FASTLYS_PATH = re.compile(r"/service/[^/?#]+/publish/")
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")
# The media types that Pushpin answers with, by what a client accepts.
_ANSWERS = dict.fromkeys(("text/plain", "text/*", "*/*", "*"), "text/plain")
_ANSWERS |= dict.fromkeys(("application/json", "application/*"), "application/json")


def publish_handler(
    publisher: Publisher, allowed: Collection[str], reporter: Reporter
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Returns the handler of a publish port, which answers 403 to web pages of other sites.

    As Pushpin does, it refuses a body that is too long or has no length.

    Args:
        publisher: serves all other requests.
        allowed: names of this machine besides the loopback names, as `normalize_host` spells them.
        reporter: reports the requests that are refused.
    """

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        answer = await answered(request)
        if answer.status >= 400:
            text = answer.text if isinstance(answer, web.Response) else None
            reporter.publish_refused(answer.status, (text or answer.reason or "").strip())
        return answer

    async def answered(request: web.BaseRequest) -> web.StreamResponse:
        hosts, origins, sites = (request.headers.getall(name, []) for name in ("Host", "Origin", "Sec-Fetch-Site"))
        reason = refusal_reason(hosts, origins, sites, allowed)
        if reason:
            return web.Response(status=403, text=f"{reason}\n")
        chunked = "Transfer-Encoding" in request.headers or request.method not in _WITHOUT_BODY
        if request.content_length is None and chunked:
            return web.Response(status=411, text="Request requires Content-Length.\n")
        if (request.content_length or 0) > MAX_PUBLISH:
            return web.Response(status=400, text="Request body too large.\n")
        return await publisher(request, PATH if _FASTLYS_PATH.fullmatch(request.raw_path) else request.raw_path)

    return serve


def publisher_to_channels(channels: Channels, reporter: Reporter) -> Publisher:
    """Returns the Publisher of the embedded edge, which answers as Pushpin does."""

    async def publish(request: web.BaseRequest, target: str) -> web.StreamResponse:
        type_ = _answer_type(request.headers.getall("Accept", ["*/*"]))
        if not type_:
            return web.Response(status=406, text="Not Acceptable. Supported formats are text/plain and application/json.\n")
        if target not in (PATH, PATH.removesuffix("/")):
            return web.Response(status=404, text="Not Found\n")
        if request.method != "POST":
            return web.Response(status=405, text=f"Method not allowed: {request.method}.\n", headers={"Allow": "POST"})
        try:
            items = parse_publish(await request.content.read())
        except BadItem as error:
            return web.Response(status=400, text=f"{error}\n")
        for item in items:
            _publish(item, channels, reporter)
        text = "Published\n" if type_ == "text/plain" else '{"message":"Published"}\n'
        return web.Response(text=text, content_type=type_)

    return publish


def _answer_type(accepted: Iterable[str]) -> str:
    """Returns the last type that the client accepts, or "" if Pushpin has none of them."""
    names = [item.partition(";")[0].strip() for value in accepted for item in value.split(",")]
    return next((_ANSWERS[name] for name in reversed(names) if name in _ANSWERS), "")


def _publish(item: Item, channels: Channels, reporter: Reporter) -> None:
    """Publishes an item, and reports it."""
    reporter.published(item, channels.publish(item))
    for name, value in item.formats.get(HTTP_RESPONSE, Message()).headers:
        if not is_valid_header(name, value):
            reporter.notice(f"published on {item.channel} without the header {name!a}: it is not valid")


def publisher_to_pushpin(url: str, reporter: Reporter) -> Publisher:
    """Returns a Publisher that forwards requests to Pushpin's publish endpoint, and its answers back.

    It does not know how many connections get an item.
    """

    async def publish(request: web.BaseRequest, target: str) -> web.StreamResponse:
        headers = end_to_end([(name.decode("latin-1"), value) for name, value in request.raw_headers])
        body = await request.content.read()
        content = whole(body) if request.body_exists else None
        try:
            answer = await send_request(LocalBackend(url), request.method, target, headers, content)
        except Unreachable as error:
            return bad_gateway("Pushpin", error)
        try:
            if answer.status == 200 and target == PATH:
                _report_items(body, reporter)
            return await forward_answer(request, answer.status, end_to_end(answer.headers), answer)
        finally:
            answer.close()

    return publish


def _report_items(body: bytes, reporter: Reporter) -> None:
    """Reports the items that Pushpin has accepted."""
    with suppress(BadItem):
        for item in parse_publish(body):
            reporter.published(item, None)
