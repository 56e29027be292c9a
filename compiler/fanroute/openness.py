"""Who can use what the edge answers: endpoints that are open to anybody."""

from collections.abc import Iterator, Sequence

from fanroute.channels.advice import Chosen
from fanroute.channels.values import references
from fanroute.diagnostics import Diagnostic
from fanroute.source import Source
from fanroute.template import written


def endpoints_are_open_knowingly(source: Source, chosen: Sequence[Chosen]) -> Iterator[Diagnostic]:
    """FR445"""
    for index, route, templates in chosen:
        if route.auth is None and "public" not in source.data["routes"][index]:
            place, template = templates[0]
            message = f"anybody may subscribe, to a channel for each '{written(references(template)[0].bound)}'"
            yield Diagnostic("FR445", message, source.value_span(place), "add 'auth:', or 'public: true' if that is meant")
