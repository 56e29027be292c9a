"""Tests routes as text: reading returns the routes that were written, and shared values occur once."""

from hypothesis import given
from hypothesis import strategies as st

from fanroute.codegen.routes_file import encode_routes
from fanroute_runtime.auth.guards import distinct_auths
from fanroute_runtime.plan import Forward, Handoff, HeaderRules, Key, Match, PathPattern, Respond, Route
from fanroute_runtime.plan.auth import Auth, TokenPlace
from fanroute_runtime.routes_file import LazyRoutes
from tests.support import universe

AUTHS = [Auth((Key("HS256", secret),), (TokenPlace("authorization"),), 0) for secret in (b"\x00\xff", b'"\\\n')]


def unpacked(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(LazyRoutes(encode_routes(routes).encode("ascii")))


@given(universe.DIMENSIONS.flatmap(universe.routes))
def test_what_is_packed_comes_back(routes: tuple[Route, ...]) -> None:
    assert unpacked(routes) == routes


@given(st.text(), st.binary())
def test_any_text_and_bytes_come_back(text: str, content: bytes) -> None:
    match = Match((text,), PathPattern((text,)), (text,))
    routes = tuple(Route(text, match, Respond(200, ((text, content),), content), origins=(text,)) for _ in range(2))
    assert unpacked(routes) == routes


def test_parts_are_shared() -> None:
    """Shared values become the same object. An Auth has a line of its own even if only one route uses it."""
    page = Respond(200, (), b"a page that many have")
    routes = (
        *(
            Route(f"r{n}", Match(methods=(f"M{n}",)), page, AUTHS[0], response_headers=HeaderRules(remove=("a",)))
            for n in range(9)
        ),
        Route("forward", Match(), Forward("one"), AUTHS[1]),
        Route("handoff", Match(), Handoff("one")),
    )
    text = encode_routes(routes)
    assert text.count("a page") == 1
    unpacked = LazyRoutes(text.encode())
    assert len(unpacked) == len(routes)
    assert tuple(unpacked) == routes
    assert unpacked[0].action is unpacked[8].action
    assert distinct_auths(unpacked) == AUTHS == distinct_auths(routes)


def test_no_routes() -> None:
    assert encode_routes(()) == ""
    assert unpacked(()) == ()
