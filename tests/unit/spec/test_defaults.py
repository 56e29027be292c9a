"""Tests that defaults are filled into the routes that take them."""

from typing import Any

import pytest

from fanroute.spec.actions import ACTIONS
from fanroute.spec.defaults import takes_default, with_defaults
from fanroute.spec.document import Route, Spec

BASE: dict[str, Any] = {"version": 1, "service": {"name": "x"}, "backends": {"self": {"loopback": True}}}
CORS = {"origins": ["https://a.example.com"]}


def filled(defaults: dict[str, Any], **route: Any) -> Route:
    (only,) = with_defaults(Spec.model_validate(BASE | {"defaults": defaults, "routes": [route]})).routes
    return only


def test_a_file_without_defaults_stays() -> None:
    spec = Spec.model_validate(BASE | {"routes": [{"handoff": "self"}]})
    assert with_defaults(spec) is spec


@pytest.mark.parametrize(
    ("key", "actions"),
    [
        ("cors", {"stream", "sse", "long_poll", "publish", "respond"}),
        ("origins", {"websocket", "tunnel", "handoff"}),
        ("request_headers", {"handoff", "forward", "tunnel"}),
        ("response_headers", set(ACTIONS) - {"handoff", "tunnel"}),
    ],
)
def test_which_actions_take_a_default(key: str, actions: set[str]) -> None:
    assert {action for action in ACTIONS if takes_default(action, key)} == actions
    assert takes_default("redirect", key) == (key == "response_headers")


def test_which_actions_are_kept_alive() -> None:
    assert {action for action in ACTIONS if takes_default(action, "keep_alive")} == {"stream", "sse", "websocket"}


def test_what_a_route_says_itself_stands() -> None:
    own = filled({"cors": CORS, "keep_alive": "25s"}, sse={"channel": "a", "cors": {"origins": "*"}, "keep_alive": "5s"})
    assert own.sse is not None and own.sse.cors is not None
    assert (own.sse.keep_alive, own.sse.cors.origins) == (5, ["*"])


def test_what_it_does_not_say_is_the_default() -> None:
    taken = filled({"cors": CORS, "keep_alive": "25s"}, sse={"channel": "a", "headers": {"X-A": "b"}})
    assert taken.sse is not None and taken.sse.cors is not None
    assert (taken.sse.keep_alive, taken.sse.cors.origins, taken.sse.headers) == (25, CORS["origins"], {"X-A": "b"})


@pytest.mark.parametrize(("own", "taken"), [({}, ["https://a.example.com"]), ({"origins": "*"}, ["*"])])
def test_the_origins_of_a_route_stand_too(own: dict[str, str], taken: list[str]) -> None:
    assert filled({"origins": "https://a.example.com"}, handoff="self", **own).origins == taken
    assert filled({"origins": "https://a.example.com"}, forward="self").origins is None


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        (None, ({"X-A": "1", "X-B": "2"}, {"X-C": "3"}, ["X-D"])),
        ({}, ({"X-A": "1", "X-B": "2"}, {"X-C": "3"}, ["X-D"])),
        ({"set": {"x-a": "9"}}, ({"X-B": "2", "x-a": "9"}, {"X-C": "3"}, ["X-D"])),
        ({"remove": ["x-A", "X-E"]}, ({"X-B": "2"}, {"X-C": "3"}, ["X-D", "x-A", "X-E"])),
        ({"add": {"X-D": "4"}, "set": {"X-C": "5"}}, ({"X-A": "1", "X-B": "2", "X-C": "5"}, {"X-D": "4"}, [])),
    ],
)
def test_header_rules_are_merged_header_by_header(own: dict[str, Any] | None, merged: tuple[Any, ...]) -> None:
    rules = {"set": {"X-A": "1", "X-B": "2"}, "add": {"X-C": "3"}, "remove": ["X-D"]}
    given = {} if own is None else {"request_headers": own}
    headers = filled({"request_headers": rules, "response_headers": rules}, handoff="self", **given).request_headers
    assert headers is not None
    assert (headers.set, headers.add, headers.remove) == merged


def test_rules_that_can_do_nothing_are_not_taken() -> None:
    rules = {"remove": ["X-D"]}
    assert filled({"response_headers": rules}, handoff="self").response_headers is None
    assert filled({"request_headers": rules}, respond={"status": 200}).request_headers is None
