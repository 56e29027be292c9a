"""Answers what the console's pages ask: which routes there are, what happens to a request, and what the edge holds."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from time import time
from typing import Any

import aiohttp

from fanroute.analysis.subscribers import find_subscribers
from fanroute.client.framing import Formats, Message, closing_formats, formats_for, json_line, publish_body
from fanroute.client.library_code import javascript_code, python_code
from fanroute.console.bodies import (
    BadBody,
    Channel,
    HeldConnection,
    Pane,
    TriedRequest,
    WantedConnection,
    WantedMessage,
    read_body,
)
from fanroute.console.connecting import Connection
from fanroute.console.described import describe_diagnostics, describe_problems, describe_routes
from fanroute.console.held import HeldConnections, describe_subscribers
from fanroute.console.pages import Page, Pages
from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.event_lines import text_spans
from fanroute.devserver.events import Event, Saved
from fanroute.devserver.pubsub import Channels
from fanroute.devserver.pushpin_stats import PushpinStats
from fanroute.devserver.request_log import make_redactor, redacted, token_parameters
from fanroute.diagnostics.shell import shell_word
from fanroute.pipeline import Compiled
from fanroute.plan.request import RequestData
from fanroute.plan.trace import pass_lines, step_lines
from fanroute.routetests.outcome import subscribed_channels
from fanroute.routetests.tried import Trial
from fanroute.syntax.variables import unexpander
from fanroute_runtime.local import host_entry
from fanroute_runtime.messages import Answer
from fanroute_runtime.plan.auth import TokenPlace

PUBLISH_TIMEOUT = 10.0  # seconds
# How many of the latest events a new page gets, and of how many characters together. One event can have 600,000.
MAX_RECENT, MAX_RECENT_TEXT = 200, 2_000_000


class _Served:
    """Holds the routes that are served, and what is made from them when a page first asks."""

    def __init__(self, compiled: Compiled, hosts: Mapping[str, str], interpreted: bool, building: bool) -> None:
        self.compiled = compiled
        self.hosts = hosts
        self.interpreted = interpreted
        self.building = building

    @cached_property
    def trial(self) -> Trial:
        return Trial(self.compiled, self.hosts)

    @cached_property
    def hide(self) -> Callable[[str], str]:
        """Replaces the values of variables in a text by their names."""
        return unexpander(self.compiled.source.unexpanded)

    @cached_property
    def redact(self) -> Callable[[str], str]:
        """Replaces tokens in a text."""
        return make_redactor(token_parameters(self.compiled.plan))


class Console:
    """Knows what a running edge serves, and answers pages by the functions in METHODS.

    Args:
        file: the name of the routes.yaml.
        edge: the name of the edge.
        urls: where it listens.
        channels: those of the embedded edge's GRIP proxy, or None if only Pushpin knows who is subscribed.
        compiled: the routes that are served first.
        hosts: the entries of the local store that let local names stand for a host.
        stats: those of Pushpin, or None on the embedded edge.
    """

    def __init__(
        self,
        file: str,
        edge: str,
        urls: EdgeUrls,
        channels: Channels | None,
        compiled: Compiled,
        hosts: Mapping[str, str],
        stats: PushpinStats | None = None,
    ) -> None:
        self._stats = stats
        self.pages = Pages()
        # Each with its length in characters.
        self._recent: deque[tuple[Event, int]] = deque()
        self._recent_text = 0
        self._file, self._edge, self._urls, self._channels = file, edge, urls, channels
        # What has become of the last save.
        self._saved: Saved | None = None
        self.show(compiled, hosts)

    def show(self, compiled: Compiled, hosts: Mapping[str, str], interpreted: bool = False, building: bool = False) -> None:
        """Shows these routes from now on.

        Args:
            compiled: the routes.
            hosts: the entries of the local store that let local names stand for a host.
            interpreted: True if the component does not serve them yet.
            building: True if they are those from before a save, until the component of that is built.
        """
        self._served = _Served(compiled, hosts, interpreted, building)
        self.pages.send("service", None)

    def report(self, event: Event) -> None:
        """Shows an event of the edge. After a save, the routes stay those that are served."""
        if isinstance(event, Saved):
            self._saved = redacted(event, self._served.hide)
            self.pages.send("service", None)
        self._remember(event)
        if self.pages:
            self.pages.send("traffic", self._shown(event))

    def recent(self) -> list[dict[str, Any]]:
        """Returns the latest events, as pages get them."""
        return [self._shown(event) for event, _ in self._recent]

    def _remember(self, event: Event) -> None:
        length = len(repr(event))
        self._recent.append((event, length))
        self._recent_text += length
        while len(self._recent) > MAX_RECENT or self._recent_text > MAX_RECENT_TEXT:
            self._recent_text -= self._recent.popleft()[1]

    def _shown(self, event: Event) -> dict[str, Any]:
        """Returns an event as data. Its text is that of the line that `fanroute serve` prints, "" if it prints none."""
        event = redacted(event, self._served.hide)
        _, *spans = text_spans(event) or [("", "")]
        return {"kind": event.kind, "text": "".join(text for text, _ in spans), **asdict(event)}

    def held(self) -> list[dict[str, Any]] | None:
        """Returns the connections that the edge holds, or how many Pushpin holds. None means that nobody knows."""
        if self._stats:
            return describe_subscribers(self._stats)
        return self._held.describe() if self._held else None

    @property
    def _held(self) -> HeldConnections | None:
        return HeldConnections(self._channels, self._served.compiled.plan, self._served.redact) if self._channels else None

    async def service(self, raw: bytes) -> Any:
        """Returns what is served."""
        served = self._served
        own_host = served.hosts.get(host_entry("127.0.0.1"), "127.0.0.1").rpartition("://")[2]
        saved = self._saved
        problems = saved.problems if saved else ()
        source = served.compiled.source
        # If the file, or one that it includes, has errors now, the diagnostics of what is served are about a file that is gone.
        files = {self._file, *source.texts}
        is_gone = saved is not None and saved.outcome == "wrong" and any(one.file in files for one in problems)
        own = () if is_gone else served.compiled.diagnostics
        return {
            "service": served.compiled.plan.service,
            "environment": served.compiled.environment,
            "file": self._file,
            "edge": self._edge,
            "interpreted": served.interpreted,
            "saved": saved.outcome if saved else None,
            "building": served.building,
            "urls": {"edge": self._urls.edge, "publish": self._urls.publish},
            "knows_connections": self._channels is not None,
            "routes": describe_routes(served.compiled, own, own_host, len(problems)),
            "diagnostics": [*describe_problems(problems), *describe_diagnostics(own, self._file, source.text, source.texts)],
        }

    async def try_request(self, raw: bytes) -> Any:
        """Returns what happens to a request, in the lines of `fanroute match`."""
        tried = read_body(TriedRequest, raw)
        headers = tuple((name.lower(), value.strip(" \t").encode()) for name, value in tried.headers)
        try:
            request = RequestData(tried.method, tried.url, headers, address=tried.client_ip)
            found = self._served.trial.run(request, tried.claims, tried.via_fanout)
        except RecursionError:
            raise BadBody("the JSON is nested too deeply", "claims") from None
        trace = found.trace
        told = next((one for one in (trace.second, trace.decision) if isinstance(one, Answer)), None)
        return {
            "route": None if trace.route is None else self._served.trial.tracer.plan.routes[trace.route].name,
            "steps": [self._served.hide(line) for line in step_lines(trace)],
            "passes": [[self._served.hide(line) for line in lines] for lines in pass_lines(trace)],
            "channels": subscribed_channels(told),
            "token_unused": found.token_unused,
            "key_unread": found.key_unread,
            "mismatch": self._served.hide(found.mismatch),
        }

    async def kinds(self, raw: bytes) -> Any:
        """Returns the kinds of connections that the routes hold on a channel."""
        found = find_subscribers(self._served.compiled.plan, read_body(Channel, raw).channel)
        return sorted({one.kind for one in found})

    async def prepare_message(self, raw: bytes) -> Any:
        """Returns what publishes a message elsewhere: a curl command, and the code for two libraries."""
        wanted = read_body(WantedMessage, raw)
        formats = _formats(wanted)
        body = publish_body(wanted.channel, formats, wanted.id, wanted.prev_id).decode()
        item = self._urls.publish, wanted.channel, formats, wanted.id, wanted.prev_id
        return {
            "curl": f"curl -d {shell_word(body)} {shell_word(self._urls.publish)}",
            "python": python_code(*item),
            "javascript": javascript_code(*item),
        }

    async def publish(self, raw: bytes) -> Any:
        """Publishes a message. Returns the answer of the publish endpoint."""
        wanted = read_body(WantedMessage, raw)
        body = publish_body(wanted.channel, _formats(wanted), wanted.id, wanted.prev_id)
        timeout = aiohttp.ClientTimeout(total=PUBLISH_TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.post(self._urls.publish, data=body) as answer:
                return {"status": answer.status, "text": (await answer.text()).strip()}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BadBody(f"the publish endpoint gave no answer: {error or type(error).__name__}") from None

    async def connect(self, raw: bytes) -> Any:
        """Connects to the edge for a pane. What happens is reported on the page's event stream."""
        wanted = read_body(WantedConnection, raw)
        page = self._page(wanted.page)

        def report(what: dict[str, Any]) -> None:
            page.send("pane", {"pane": wanted.pane, "time": time(), **what})

        page.open_pane(wanted.pane, Connection(self._urls.edge, wanted, self._token_place(wanted.route), report))
        return {}

    async def disconnect(self, raw: bytes) -> Any:
        """Ends a pane's connection."""
        pane = read_body(Pane, raw)
        self._page(pane.page).close_pane(pane.pane)
        return {}

    async def send(self, raw: bytes) -> Any:
        """Sends a text on a pane's WebSocket."""
        pane = read_body(Pane, raw)
        connection = self._page(pane.page).panes.get(pane.pane)
        if connection is None or not await connection.send(pane.text):
            raise BadBody("this WebSocket is not open", "text")
        return {}

    async def cut(self, raw: bytes) -> Any:
        """Cuts a connection that the edge holds."""
        held = read_body(HeldConnection, raw)
        if self._held is None or not self._held.cut(held.number):
            raise BadBody("this connection has ended already")
        return {}

    async def cut_outdated(self, raw: bytes) -> Any:
        """Cuts the connections whose route is gone."""
        if self._held:
            self._held.cut_outdated()
        return {}

    def _page(self, id: str) -> Page:
        page = self.pages.find(id)
        if page is None:
            raise BadBody("this page has lost its event stream: load it again")
        return page

    def _token_place(self, name: str) -> TokenPlace:
        """Returns where a route looks for a token first. Without such a route, that is the header Authorization."""
        auths = (route.auth for route in self._served.compiled.plan.routes if route.name == name)
        return next((auth.places[0] for auth in auths if auth), TokenPlace("authorization"))


# What pages can ask for, by name. Each function takes the request's body, and returns data for JSON. It can raise BadBody.
METHODS: Mapping[str, Callable[[Console, bytes], Awaitable[Any]]] = {
    "service": Console.service,
    "try": Console.try_request,
    "kinds": Console.kinds,
    "message": Console.prepare_message,
    "publish": Console.publish,
    "connect": Console.connect,
    "disconnect": Console.disconnect,
    "send": Console.send,
    "cut": Console.cut,
    "cut-outdated": Console.cut_outdated,
}


def _formats(wanted: WantedMessage) -> Formats:
    """Returns a message in the formats of its kinds of connections. Raises BadBody."""
    if wanted.close:
        formats = closing_formats(wanted.kinds)
    else:
        text = json_line(wanted.text) if wanted.is_json else wanted.text
        formats = formats_for(wanted.kinds, Message(text, wanted.is_json, wanted.event, wanted.id))
    if not formats:
        raise BadBody("a held response ends with its message: send one", "close")
    return formats
