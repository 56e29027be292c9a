"""Makes and reads pins. A pin passes the route, and the values that its match has bound, from the first pass to the second.

A pin is one header, `Fanroute-Pin: 1;3;sse-0123456789abcdef;blue;9ae0daaf`. It consists of a version, the route's number in the
Plan, the route's fingerprint, the values of the references in its action and auth (percent-encoded), and a checksum. If a proxy
cuts or rewrites a pin, the checksum shows it. docs/security.md says when a pin counts.
"""

from binascii import crc32
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from fanroute_runtime.matching.pattern import compile_pattern
from fanroute_runtime.matching.predicates import Matchable, bound_value, can_bind, can_bind_rest, text_predicate
from fanroute_runtime.messages import Binding, Refused
from fanroute_runtime.plan import Bound, Condition, Hold, Parameter, Route, WebSocket, record

# Longest pin, in bytes.
MAX_PIN = 2048
_VERSION = "1"
# Stands for a value that is not text. No value is written like this, because `quote` encodes the character.
_NO_TEXT = "*"
# For this many routes, the references are kept.
_MAX_KEPT = 128

# The references of a route, each with a predicate for the values that the route's match can bind to it.
References = tuple[tuple[Bound, Callable[[str | None], bool]], ...]


@record
class Pin:
    """Names a route by its number and fingerprint, and holds the values of its references. None is a value that is not text."""

    number: int
    fingerprint: str
    values: tuple[str | None, ...] = ()

    @property
    def action(self) -> str:
        """Returns the key of the route's action in routes.yaml."""
        return action_of(self.fingerprint)


def action_of(fingerprint: str) -> str:
    """Returns the key of the action at the beginning of a fingerprint, such as `sse`."""
    return fingerprint.partition("-")[0]


def encode(pin: Pin) -> bytes:
    """Returns the header's value for a pin. Raises Refused (431) if it is too long."""
    values = (_NO_TEXT if value is None else quote(value, safe="") for value in (pin.fingerprint, *pin.values))
    text = ";".join([_VERSION, str(pin.number), *values]).encode()
    raw = b"%s;%08x" % (text, crc32(text))
    if len(raw) > MAX_PIN:
        raise Refused(431, "The values that the route uses of the request are too long.")
    return raw


def decode(raw: bytes) -> Pin:
    """Reads a pin from the header's value. Raises Refused (403) if it is malformed."""
    try:
        _, number, *values, _ = raw[: MAX_PIN + 1].decode("ascii").split(";")
        fingerprint, *rest = map(_decode_value, values)
        pin = Pin(int(number), fingerprint or "", tuple(rest))
        if pin.number >= 0 and encode(pin) == raw:
            return pin
    except (ValueError, Refused):
        pass
    raise Refused(403, "The pin is refused: it is malformed.")


def _decode_value(value: str) -> str | None:
    return None if value == _NO_TEXT else unquote_to_bytes(value).decode()


class Pins:
    """Makes the pins of some routes, and reads them.

    Args:
        count: how many routes there are.
        route: gives a route by its number.
    """

    def __init__(self, count: int, route: Callable[[int], Route]) -> None:
        self._count = count
        self._route = route
        self._references = lru_cache(_MAX_KEPT)(lambda number: _references(route(number)))
        for number in range(min(count, _MAX_KEPT)):
            self._references(number)

    def make_pin(self, number: int, client: Matchable) -> bytes:
        """Returns the pin of a route for a client's request that it takes. Raises Refused (431) if the pin is too long."""
        route = self._route(number)
        values = tuple(bound_value(bound, route, client) for bound, _ in self._references(number))
        return encode(Pin(number, route.fingerprint, values))

    def pinned_route(self, pin: Pin) -> Route | None:
        """Returns the route that a pin names, or None for a pin of another build.

        Raises Refused (403) if the route's action is not answered with GRIP.
        """
        route = self._route(pin.number) if pin.number < self._count else None
        if route is None or route.fingerprint != pin.fingerprint:
            return None
        if not isinstance(route.action, Hold | WebSocket):
            raise Refused(403, "The pin is refused: its route is not an endpoint of the edge.")
        return route

    def pinned_values(self, pin: Pin) -> Binding:
        """Returns the values of a pin for one of the routes. Raises Refused (403) if the route's match would not bind them."""
        references = self._references(pin.number)
        if len(references) != len(pin.values):
            raise Refused(403, "The pin is refused: it has another number of values than its route.")
        for (_, fits), value in zip(references, pin.values, strict=True):
            if not fits(value):
                raise Refused(403, "The pin is refused: a value does not fit the route.")
        return {bound: value for (bound, _), value in zip(references, pin.values, strict=True)}.__getitem__


def _references(route: Route) -> References:
    bounds = dict.fromkeys(bound for bound in bounds_of((route.action, route.auth)) if not bound.source.startswith("claim"))
    return tuple((bound, _binding_predicate(bound, route)) for bound in bounds)


def bounds_of(part: Any) -> Iterator[Bound]:
    """Yields the references to values of a request in a part of a route."""
    if isinstance(part, Bound):
        yield part
    else:
        for each in part if isinstance(part, tuple) else [getattr(part, name) for name in getattr(part, "__slots__", ())]:
            yield from bounds_of(each)


def _binding_predicate(bound: Bound, route: Route) -> Callable[[str | None], bool]:
    """Returns a predicate for the values that a route's match can bind to a reference."""
    if bound.source == "path":
        label = route.match.host_parameter
        if label and label.name == bound.name:
            from fanroute_runtime.matching.host_labels import can_be_label  # only the components that need this module have it

            return _text_predicate(label.pattern, lambda value: value is not None and can_be_label(value))
        rest = route.match.path.bound_rest if route.match.path else None
        if rest and rest.name == bound.name:
            return _text_predicate(rest.pattern, _can_be_rest)
        return _text_predicate(next(one for one in _parameters(route) if one.name == bound.name).pattern, can_bind)
    conditions = route.match.query if bound.source == "query" else route.match.headers
    condition = next((one for one in conditions if one.name == bound.name), Condition(bound.name))
    return text_predicate(condition) if condition.values or condition.pattern else lambda value: True


def _text_predicate(pattern: str, can_be: Callable[[str | None], bool]) -> Callable[[str | None], bool]:
    """Returns a predicate for texts that can be bound and fit a pattern, if there is one."""
    if not pattern:
        return can_be
    matches = compile_pattern(pattern).matches
    return lambda value: value is not None and can_be(value) and matches(value)


def _can_be_rest(value: str | None) -> bool:
    return value is not None and can_bind_rest(tuple(value.split("/")))


def _parameters(route: Route) -> Iterator[Parameter]:
    segments = route.match.path.segments if route.match.path else ()
    return (segment for segment in segments if isinstance(segment, Parameter))
