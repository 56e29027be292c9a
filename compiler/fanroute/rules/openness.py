"""Who can use what the edge answers: endpoints that are open to anybody, or to any holder of a token."""

from collections.abc import Iterator, Sequence

from fanroute.analysis.channels import ResolvedTemplate, decided_by_token, references_in
from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import LOOPBACK
from fanroute.diagnostics.rule import Rule
from fanroute.plan.describe import reference_text
from fanroute.rules.channels import Chosen
from fanroute.spec import raw
from fanroute.syntax.source import Source
from fanroute_runtime.plan import Route

FR445 = Rule(
    "FR445",
    "warning",
    "an endpoint with many channels says who may subscribe",
    "Requests for an endpoint of the edge reach no server of yours. So anybody who guesses the name of a room, or of "
    "another user, hears its messages. The warning is for endpoints whose channels depend on the path, the query or a "
    "header. It is also given if the route asks for a token, but neither `channels` nor a claim says which channels are "
    "its holder's: a token for one tenant then opens the channels of all others. A claim does not say so if it can be "
    "read in two ways: `a-b-c` equals `{tenant}-{room}` for two requests if both values may have a `-`.",
    LOOPBACK + '  - match: {path: "/rooms/{room}", where: {room: "[a-z]+"}}\n    sse: {channel: "room-{room}"}\n',
    "Say with `auth` which token a client needs, and which channels are its holder's. For that, use `claims: {tenant: "
    '"{tenant}"}`, which compares a claim with a value of the match, or `channels`, or `{claim.sub}` in the channel\'s '
    "name. If every holder of a token may hear every channel, write `any_channel: true` in `auth`; if anybody may, "
    "`public: true`.",
)


_CLOSED = "add 'auth:', or 'public: true' if that is meant"


def endpoints_are_open_knowingly(source: Source, chosen: Sequence[Chosen]) -> Iterator[Diagnostic]:
    """FR445"""
    for index, route, templates in chosen:
        given = source.data["routes"][index]
        _, auth = raw.auth_of(source, index, given) or ((), None)
        if "public" in given or (auth and not auth.keys().isdisjoint({"channels", "any_channel"})):
            continue
        for place, template in [each for each in templates if not _claims_decide(route, each[1])][:1]:
            bound = reference_text(references_in(template)[0].bound)
            who, mend = ("whoever has a token", _decided(bound)) if auth else ("anybody", _CLOSED)
            yield Diagnostic(FR445, f"{who} may subscribe, to a channel for each '{bound}'", source.value_span(place), mend)


def _claims_decide(route: Route, template: ResolvedTemplate) -> bool:
    """Returns True if a claim of the client's token is part of a channel, or must be equal to a part of it."""
    return any(
        reference.bound.source == "claim" or reference.bound in decided_by_token(route) for reference in references_in(template)
    )


def _decided(bound: str) -> str:
    comparison = f"compare a claim with it, as 'claims: {{NAME: \"{bound}\"}}'"
    return f"{comparison}; or add 'channels:'; or 'any_channel: true' if that is meant"
