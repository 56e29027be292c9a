"""Serves the console on a port of its own, to the one who has the token of its URL."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from fanroute.console.api import METHODS, Console
from fanroute.console.bodies import BadBody
from fanroute.console.pages import Page, event_bytes
from fanroute.devserver.embedded import http_servers
from fanroute.devserver.guard import refusal_reason
from fanroute.project.package_files import console_files

# The longest body of a page's request, in bytes.
MAX_BODY = 1 << 20
# How often pages are told of held connections that have changed, and how often they get a sign of life, in seconds.
LOOK_INTERVAL, ALIVE_INTERVAL = 0.3, 15.0
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
# Nothing but the console's own files is loaded, no text becomes markup or code, and no other page can embed this one.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Server:
    """Answers the requests of the console's pages.

    Args:
        console: knows the answers.
        allowed: names of this machine besides the loopback names, as `normalize_host` spells them.
    """

    def __init__(self, console: Console, allowed: Collection[str]) -> None:
        self.token = secrets.token_urlsafe(24)
        self._console = console
        self._allowed = allowed
        self._files = console_files()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers a request."""
        if reason := self._refusal(request):
            return _text(403, reason)
        if request.path == "/":
            # The page, and all that it loads, is below a path that only the owner of the token knows. A cookie would not do:
            # it would reach all ports of this machine, the edge and its backends too.
            return web.Response(status=303, headers={**_HEADERS, "Location": f"/{self.token}/"})
        name = request.path.removeprefix(f"/{self.token}/")
        if request.method == "GET":
            return await self._stream_events(request) if name == "api/events" else self._file(name or "index.html")
        if request.method != "POST" or not name.startswith("api/"):
            return _text(405, "The console answers GET and POST.")
        return await self._answer(request, name.removeprefix("api/"))

    def _refusal(self, request: web.BaseRequest) -> str:
        """Returns the reason why a request may not use the console, or ""."""
        hosts, origins, sites = (request.headers.getall(name, []) for name in ("Host", "Origin", "Sec-Fetch-Site"))
        if reason := refusal_reason(hosts, origins, sites, self._allowed):
            return reason
        # Unlike publishing, this is for no other page of this machine either.
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return "Only the console's own page may use it."
        first = request.path.removeprefix("/").partition("/")[0]
        given = request.query.get("token", "") if request.path == "/" else first
        if not secrets.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode()):
            return "The console needs the token in the URL that `fanroute serve` has printed."
        return ""

    def _file(self, name: str) -> web.Response:
        text = self._files.get(name)
        if text is None:
            return _text(404, "The console has no such file.")
        type_ = _TYPES[name.rpartition(".")[2]]
        return web.Response(text=text, content_type=type_, charset="utf-8", headers=_HEADERS)

    async def _answer(self, request: web.BaseRequest, name: str) -> web.Response:
        """Answers a page's request in JSON."""
        method = METHODS.get(name)
        if method is None:
            return _text(404, "The console has no such answer.")
        # A page of another origin can send this type only if it may, which the browser asks first.
        if request.content_type != "application/json":
            return _text(415, "Send application/json.")
        if request.content_length is None or request.content_length > MAX_BODY:
            return _text(413, f"Send a body of {MAX_BODY:,} bytes at most, with its Content-Length.")
        try:
            found = await method(self._console, await request.content.read())
        except BadBody as error:
            return web.json_response({"error": str(error), "field": error.field}, status=400, headers=_HEADERS)
        return web.json_response(found, headers=_HEADERS)

    async def _stream_events(self, request: web.BaseRequest) -> web.StreamResponse:
        """Sends events to a page until it closes. The first one tells the page its id, by which its requests name it."""
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        transport = request.transport
        assert transport is not None  # the answer has begun
        with self._console.pages.opened(transport.abort) as page:
            watching = asyncio.create_task(self._watch_connections(page))
            try:
                await response.write(event_bytes("page", page.id))
                for event in self._console.recent():
                    page.send("traffic", event)
                await _write_events(page, response)
            finally:
                watching.cancel()
        return response

    async def _watch_connections(self, page: Page) -> None:
        """Tells a page which connections are held, at once and when that has changed."""
        before: Any = None
        while (now := self._console.held()) is not None:
            if now != before:
                page.send("connections", now)
                before = now
            await asyncio.sleep(LOOK_INTERVAL)


async def _write_events(page: Page, response: web.StreamResponse) -> None:
    """Sends a page its events, until its connection ends and this task with it."""
    while True:
        try:
            event = await asyncio.wait_for(page.next_event(), ALIVE_INTERVAL)
        except TimeoutError:
            event = b":\n\n"
        await response.write(event)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=_HEADERS)


@asynccontextmanager
async def serving(console: Console, allowed: Collection[str]) -> AsyncIterator[str]:
    """Serves a console on a free port as long as the context lasts. Yields its URL, with the token.

    `allowed` are names of this machine besides the loopback names, as `normalize_host` spells them.
    """
    server = Server(console, allowed)
    async with http_servers() as start_server:
        yield f"{await start_server(server.serve, 0)}/?token={server.token}"
