"""Tests which subscriptions may get a route's messages, against all channels that two templates give."""

from itertools import product

import pytest

from fanroute.analysis.channels import resolve
from fanroute.analysis.publishing import may_be_equal, subscriptions_to, with_subscribers
from fanroute.pipeline import compile_routes
from fanroute.spec.template import parse_template
from fanroute_runtime.plan import Match, Parameter, PathPattern, Respond, Route
from fanroute_runtime.plan.publishing import Publish
from tests.conftest import INPUTS

# Patterns over two letters, with all texts of up to three letters that they accept.
PATTERNS = {
    "[ab]": {"a", "b"},
    "a+": {"a", "aa", "aaa"},
    "(ab)?b": {"b", "abb"},
    "[ab]{2}": {"aa", "ab", "ba", "bb"},
}
TEMPLATES = ["{x}", "a{x}", "{x}b", "{x}{y}", "{x}-{y}", "ab", "b-b", "{x}a{x}"]


def route(one: str, other: str) -> Route:
    path = PathPattern((Parameter("x", one), Parameter("y", other)))
    return Route("r", Match(path=path), Respond(200, (), b""))


def channels(template: str, one: str, other: str) -> set[str]:
    """Returns the channels of a template. As `may_be_equal` assumes, a parameter that occurs twice may have two values."""
    parts = parse_template(template)
    values = [{part} if isinstance(part, str) else PATTERNS[one if part.name == "x" else other] for part in parts]
    return {"".join(each) for each in product(*values)}


@pytest.mark.parametrize("patterns", [*product(PATTERNS, repeat=2)], ids=" ".join)
def test_templates_that_may_give_the_same_channel(patterns: tuple[str, str]) -> None:
    found = set()
    for first, second in product(TEMPLATES, repeat=2):
        for others in product(PATTERNS, repeat=2):
            resolved = (resolve(parse_template(one), route(*of)) for one, of in ((first, patterns), (second, others)))
            equal = may_be_equal(*resolved)
            common = channels(first, *patterns) & channels(second, *others)
            # `a+` also gives texts that are longer than those here.
            assert equal or not common, (first, patterns, second, others)
            if "a+" not in (*patterns, *others):
                assert equal == bool(common), (first, patterns, second, others)
            found.add(equal)
    assert found == {True, False}


ROUTES = b"""\
version: 1
service: {name: pages}
backends: {self: {loopback: true}}
publishing: {secret_store: keys, name: publish-token}
routes:
  - {match: {path: "/{room}/a", where: {room: "[a-m]+"}, method: GET}, sse: {channel: "room-{room}"}}
  - {match: {path: "/{room}/b", where: {room: "[n-z]+"}, method: GET}, long_poll: {channel: "room-{room}"}}
  - {match: {path: /c, method: GET}, long_poll: {channel: [news, {name: room-news, filters: build-id}], meta: {id_format: "1"}}}
  - {match: {path: "/{room}", where: {room: "[a-m]+"}, method: POST}, publish: {channel: "room-{room}"}}
  - {match: {path: "/{room}", where: {room: "[n-z]+"}, method: PUT}, publish: {channel: "room-{room}", subscribers: long_poll}}
"""


def test_the_kinds_of_subscriptions() -> None:
    """`room-news` is no channel of the first, because of its letters."""
    raw = ROUTES.replace(b', {name: room-news, filters: build-id}], meta: {id_format: "1"}', b"]")
    plan = compile_routes(raw, INPUTS).plan
    kinds = [route.action.subscribers for route in plan.routes if isinstance(route.action, Publish)]
    assert kinds == [("sse",), ("long_poll",)]
    first = plan.routes[3]
    assert isinstance(first.action, Publish)
    assert [(one.index, one.kind) for one in subscriptions_to(plan, first, first.action)] == [(0, "sse")]
    assert with_subscribers(plan) == plan


def test_a_filter_that_replaces_a_percent_sign() -> None:
    text = ROUTES.replace(b'"/{room}/b", where: {room: "[n-z]+"}', b'"/{room}/b", where: {room: "x+"}')
    plan = compile_routes(text.replace(b"[n-z]+", b"news"), INPUTS).plan
    actions = [route.action for route in plan.routes if isinstance(route.action, Publish)]
    assert [action.escapes for action in actions] == [False, True]
