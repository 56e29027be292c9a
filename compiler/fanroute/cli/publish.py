"""`fanroute publish`: publishes a message on a channel."""

import os
import re
from pathlib import Path
from typing import Any

import click

from fanroute.cli.edges import find_edge
from fanroute.cli.options import PIPED, check_service, compile_if_valid, env_option, examples, routes_option
from fanroute.cli.output import exit_on_failure, fail, remark, say, standard_input, warn
from fanroute.plan.kinds import Kind
from fanroute.project.workspace import Workspace
from fanroute.spec.validate import did_you_mean
from fanroute_runtime.plan import Plan

ALL: tuple[Kind, ...] = ("sse", "long_poll", "websocket")
# The options that choose formats, and the kind of connection that gets each.
_KINDS: dict[str, Kind] = {"sse": "sse", "stream": "stream", "response": "long_poll", "ws": "websocket"}
# A field of a server-sent event ends at a line end, and EventSource ignores an id with a NUL.
_NO_FIELD = re.compile(r"[\r\n\0]")


def _field(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and _NO_FIELD.search(value):
        raise click.BadParameter("it must be one line")
    return value


@click.command(
    epilog=examples(
        "fanroute publish test hello",
        "fanroute publish test 'see you' --event bye --id 8 --prev-id 7",
        """echo '{"price": 3}' | fanroute publish test - --json --sse --ws""",
        "fanroute publish test --close",
        "fanroute publish test hello --service 7i6HN3TK9wS159v2gPAZ8A",
    )
)
@click.argument("channel")
@click.argument("message", required=False)
@click.option("--sse", is_flag=True, help="Publish a server-sent event, for EventSource.")
@click.option("--stream", is_flag=True, help="Publish a line, for other streams.")
@click.option("--response", is_flag=True, help="Publish a response, for long-polls.")
@click.option("--ws", is_flag=True, help="Publish a message for WebSockets.")
@click.option("--all", "every", is_flag=True, help="Publish an event, a response and a WebSocket message.")
@click.option("--event", default="", callback=_field, metavar="TYPE", help="The type of the server-sent event.")
@click.option("--id", "id_", callback=_field, metavar="ID", help="The message's id, also that of the event.")
@click.option("--prev-id", callback=_field, metavar="ID", help="The id of the message before it on the channel.")
@click.option("--json", "is_json", is_flag=True, help="Check that MESSAGE is JSON, and publish it on one line.")
@click.option("--close", is_flag=True, help="Close the channel's streams and WebSockets instead.")
@click.option("--local", is_flag=True, help="Publish to the local edge that runs for the folder of routes.yaml. The default.")
@click.option("--service", callback=check_service, metavar="ID", help="Publish to this service at Fastly.")
@routes_option
@env_option
def publish(
    channel: str,
    message: str | None,
    every: bool,
    event: str,
    id_: str | None,
    prev_id: str | None,
    is_json: bool,
    close: bool,
    local: bool,
    service: str | None,
    routes: Path,
    environment: str,
    **chosen: bool,
) -> None:
    """Publish MESSAGE on CHANNEL. With `-`, the message is standard input, without its last line end.

    Without an option for the format, the message has the formats that the routes with this channel hold. If there are none, it
    has all formats.

    For --service, the token for Fastly's API is in the variable FASTLY_API_TOKEN, or where the Fastly CLI keeps it.
    """
    from fanroute.client import framing, publishing  # late: httpx takes a while

    if local and service:
        raise click.UsageError("--local and --service exclude each other")
    if close == (message is not None):
        raise click.UsageError("--close needs no MESSAGE" if close else "write a MESSAGE, or - to read it from standard input")
    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        kinds = _kinds(workspace, channel, every, chosen)
        if event and "sse" not in kinds:
            raise click.UsageError("--event is for server-sent events, which no route with this channel has: add --sse")
        if close:
            formats = framing.closing_formats(kinds)
            if not formats:
                raise click.UsageError("only streams and WebSockets can be closed: a response ends its connection anyway")
        else:
            formats = framing.formats_for(kinds, framing.Message(_text(message or "", is_json), is_json, event, id_))
        try:
            body = framing.publish_body(channel, formats, id_, prev_id)
        except UnicodeEncodeError:
            raise click.BadParameter("the arguments must be UTF-8") from None
        try:
            publishing.check_length(body)
            place = _to_fastly(service, body, id_ is not None) if service else _to_local_edge(workspace, body)
        except publishing.PublishFailed as failed:
            fail(f"error: {failed}")
    what = "Closed the connections" if close else "Published"
    say(f"{what} on {channel} at {place}: {', '.join(_described(formats, kinds))}")


def _kinds(workspace: Workspace, channel: str, every: bool, chosen: dict[str, bool]) -> tuple[Kind, ...]:
    """Returns the kinds of connections to publish for: the chosen ones, or those of the routes with the channel."""
    wanted = tuple(_KINDS[name] for name, is_chosen in chosen.items() if is_chosen)
    if {"sse", "stream"}.issubset(wanted):
        raise click.UsageError("--sse and --stream exclude each other: they have the same format")
    if every and wanted:
        raise click.UsageError("--all stands for all formats: leave out the others")
    compiled = compile_if_valid(workspace)
    found = _kinds_of_channel(compiled.plan, channel) if compiled else ()
    if every:
        streams_only = "stream" in found and "sse" not in found
        return ("stream", *ALL[1:]) if streams_only else ALL
    return wanted or found or ALL


def _kinds_of_channel(plan: Plan, channel: str) -> tuple[Kind, ...]:
    """Returns the kinds of connections that routes subscribe to a channel. Warns if there are none."""
    from fanroute.analysis.subscribers import channel_names, find_subscribers

    kinds = tuple(dict.fromkeys(subscriber.kind for subscriber in find_subscribers(plan, channel)))
    names = channel_names(plan)
    if not kinds and names:
        warn(f"no route has the channel {channel!a}; {did_you_mean(channel, names, 'channels')}")
    return kinds


def _text(message: str, is_json: bool) -> str:
    """Returns the text of a message, which may be in standard input. Raises click.BadParameter."""
    from fanroute.client import framing
    from fanroute.project.folder import read_bounded

    try:
        text = read_bounded(standard_input()).decode() if message == PIPED else message
    except UnicodeDecodeError:
        raise click.BadParameter("standard input is not UTF-8 text", param_hint="MESSAGE") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not is_json:
        return text
    try:
        return framing.json_line(text)
    except ValueError:
        raise click.BadParameter("it is not JSON", param_hint="MESSAGE") from None


def _to_fastly(service: str, body: bytes, has_id: bool) -> str:
    """Publishes to Fastly. Returns the place in words. Raises PublishFailed."""
    from fanroute.client import publishing
    from fanroute.project import fastly_token

    api = publishing.fastly_url(os.environ)
    try:
        token = fastly_token.find_token(os.environ)
    except fastly_token.NoToken as error:
        fail(f"error: {error}")
    publishing.publish_to_fastly(publishing.FastlyService(service, token, api), body, has_id, remark)
    return f"the service {service} at {api}"


def _to_local_edge(workspace: Workspace, body: bytes) -> str:
    """Publishes to the local edge of the folder. Returns its URL. Raises PublishFailed."""
    from fanroute.client import publishing

    edge = find_edge(workspace)
    publishing.publish_locally(edge.publish, body)
    return edge.publish


def _described(formats: dict[str, dict[str, Any]], kinds: tuple[Kind, ...]) -> list[str]:
    """Returns the names of the formats, and which kind of stream the content is for."""
    stream = "an event" if "sse" in kinds else "a line"
    return [f"{name} ({stream})" if name == "http-stream" and "content" in formats[name] else name for name in formats]
