"""Serves news that Fanout pushes to readers as events, long-polls and WebSockets.

django-eventstream stores the messages and serves the events. The other readers use django-grip directly.
"""

import json
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST
from django_eventstream.event import Event
from django_eventstream.storage import EventDoesNotExist
from django_eventstream.utils import get_storage, make_id, sse_encode_event
from django_grip import publish, set_hold_longpoll, websocket_only
from gripcontrol import Channel, HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat, parse_grip_uri

# The channel of long-polls and WebSockets. That of events has a prefix, which django-eventstream gives it.
CHANNEL = "news"
# How many messages a reader that comes back gets at once.
LIMIT = 100

View = Callable[..., HttpResponse]


def for_fanout(view: View) -> View:
    """Refuses requests that do not come from Fanout. Nothing else can hold a connection."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponse:
        if not request.grip.signed:
            return HttpResponse("This is for Fanout. Ask the edge.\n", "text/plain", 403)
        return view(request, *args, **options)

    return guarded


@require_GET
@for_fanout
def poll(request: HttpRequest) -> HttpResponse:
    """Answers with the messages after `?after=ID`. If there are none, Fanout holds the request until there is one."""
    after, missed = missed_after(request.grip.last.get(CHANNEL) or request.GET.get("after", ""))
    if not missed:
        set_hold_longpoll(request, Channel(CHANNEL, prev_id=str(after)), timeout=25)
    return HttpResponse(listed(missed), "application/json")


@for_fanout
@websocket_only
def socket(request: HttpRequest) -> HttpResponse:
    """Answers the events of a WebSocket, which Fanout sends as an HTTP request. It publishes all that a reader sends."""
    client = request.wscontext
    if client.is_opening():
        client.accept()
        client.subscribe(CHANNEL)
        _, missed = missed_after(request.GET.get("after", ""))
        if missed:
            client.send(listed(missed))
    # Each turn answers pings, too. After the last message, only can_recv does.
    while client.can_recv():
        try:
            message = client.recv()
        except OSError:  # the connection broke
            break
        if message is None:
            # Without a code, django-grip would close with 0, which is no close code.
            client.close(client.close_code or 1000)
        elif isinstance(message, str):
            publish_message(message)
    return HttpResponse()


@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Publishes the body of the request."""
    return JsonResponse({"id": publish_message(request.body.decode(errors="replace"))}, status=201)


@require_GET
def whoami(request: HttpRequest) -> HttpResponse:
    """Tells whether the request has a Grip-Sig, if its signature is valid, and whose it is. `fanroute doctor` asks it."""
    issuer = parse_grip_uri(settings.GRIP_URL)["verify_iss"] if request.grip.signed else None
    return JsonResponse({"signed": request.grip.signed, "has_signature": "Grip-Sig" in request.headers, "issuer": issuer})


def publish_message(text: str) -> int:
    """Stores a message and publishes it to all readers. Returns its id.

    `send_event` of django-eventstream publishes to readers of events only, and has Fanout insert the id into the event. A Pushpin
    of version 1.41 inserts the id of the message before, so a reader that comes back would get its last message again.
    """
    event = get_storage().append_event(CHANNEL, "message", text)
    ids = str(event.id), str(event.id - 1)
    content = sse_encode_event(event.type, text, make_id({CHANNEL: event.id}), escape=True)
    publish(f"events-{CHANNEL}", HttpStreamFormat(content, content_filters=["build-id"]), *ids, blocking=True)
    news = listed([event])
    publish(CHANNEL, [HttpResponseFormat(body=news), WebSocketMessageFormat(news)], *ids, blocking=True)
    return event.id


def missed_after(given: str) -> tuple[int, list[Event]]:
    """Returns the id of the last message that a reader has, and the messages after it. An id that is not stored is the newest."""
    newest = get_storage().get_current_id(CHANNEL)
    try:
        return int(given), get_storage().get_events(CHANNEL, int(given), LIMIT)
    except (ValueError, EventDoesNotExist):
        return newest, []


def listed(events: list[Event]) -> str:
    """Returns messages with their ids as JSON, for long-polls and WebSockets."""
    return json.dumps([{"id": event.id, "text": event.data} for event in events]) + "\n"
