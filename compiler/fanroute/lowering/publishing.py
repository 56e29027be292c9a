"""Lowers how what clients send is published, and has its defaults."""

from dataclasses import replace

from fanroute.lowering.cors import lower_cors
from fanroute.spec import publishing as spec
from fanroute.spec.auth import AuthRules
from fanroute.spec.template import parse_template
from fanroute_runtime.plan import Bound, Meta, StoreEntry, Template
from fanroute_runtime.plan.publishing import Part, Publish

CONTENT_TYPES = ("application/json", "text/plain")
MAX_MESSAGE = 16_384
# The filter with which a connection does not get its own messages.
SKIP_SELF = "skip-self"
# Stands for the missing token of an invalid file.
_NO_TOKEN = StoreEntry("secret", "", "")


def lower_publish(publish: spec.Publish, auth: AuthRules | None, token: StoreEntry | None) -> Publish:
    """Returns how the body of a request is published."""
    return replace(
        _publishing(publish, publish.max_message, token),
        id=parse_template(publish.id or ""),
        prev_id=parse_template(publish.prev_id or ""),
        content_types=tuple(publish.content_types or CONTENT_TYPES),
        origins=lower_cors(publish.cors).origins if publish.cors else (),
        claim=(auth.channels if auth else None) or "",
    )


def lower_socket_publish(publish: spec.PublishFromSocket, max_message: int | None, token: StoreEntry | None) -> Publish:
    """Returns how the messages of a WebSocket are published. `max_message` is the longest that its client may send."""
    return replace(
        _publishing(publish, max_message, token),
        content_types=(publish.content_type,),
        claim=publish.channels or "",
        failure=publish.on_failure,
        skips_sender=not publish.echo_to_sender,
    )


def _publishing(published: spec.PublishedMessage, max_message: int | None, token: StoreEntry | None) -> Publish:
    return Publish(
        parse_template(published.channel),
        tuple(published.subscribers or ()),
        token or _NO_TOKEN,
        max_message or MAX_MESSAGE,
        event=published.event or "",
        envelope=tuple(_member(name, text) for name, text in (published.envelope or {}).items()),
        meta=lower_meta(published.meta),
    )


def _member(name: str, text: str) -> tuple[str, Part, Template]:
    """Returns a member of an envelope. Any text of a claim may be in it."""
    if part := next((part for part in spec.PARTS if part == text), None):
        return name, part, ()
    template = parse_template(text)
    return name, "text", tuple(map(_unrestricted, template)) or ("",)


def _unrestricted(part: str | Bound) -> str | Bound:
    return replace(part, source="claim_text") if isinstance(part, Bound) and part.source == "claim" else part


def lower_meta(meta: dict[str, str]) -> Meta:
    """Returns meta variables with their templates."""
    return tuple((name, parse_template(value)) for name, value in meta.items())
