"""A server in place of every backend: it keeps what it is asked, and answers with nothing that holds a connection."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from fanroute.devserver.config import Backend
from fanroute.devserver.embedded import Handler, listen
from fanroute.plan.request import RequestData


@dataclass(slots=True)
class Recorder:
    """The backends, by name, and what they were asked last: backends' names and requests, in order."""

    backends: dict[str, Backend] = field(default_factory=dict)
    asked: list[tuple[str, RequestData]] = field(default_factory=list)

    def taken(self) -> list[tuple[str, RequestData]]:
        """What was asked since the last time."""
        taken, self.asked = self.asked, []
        return taken

    def handler(self, name: str) -> Handler:
        """Serves the backend of a name."""

        async def record(request: web.BaseRequest) -> web.StreamResponse:
            headers = tuple((key.decode("latin-1").lower(), value) for key, value in request.raw_headers)
            url = f"http://{request.host}{request.raw_path}"
            self.asked.append((name, RequestData(request.method, url, headers, await request.content.read())))
            return web.Response(text="Recorded\n")

        return record


@asynccontextmanager
async def recording(hosts: Mapping[str, str | None]) -> AsyncIterator[Recorder]:
    """A Recorder as long as the context lasts, for backends by name and the Host each is asked with (None: the client's)."""
    recorder = Recorder()
    async with listen() as servers:
        for name, host in hosts.items():
            recorder.backends[name] = Backend(await servers(recorder.handler(name), 0), host)
        yield recorder
