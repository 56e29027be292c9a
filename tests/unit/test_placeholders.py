"""Placeholders of other routers, and paths that are percent-encoded because text is meant."""

import re

import pytest

from fanroute.listing import match_text
from fanroute.pipeline import Compiled, compile_routes
from fanroute.placeholders import instead_of
from fanroute.trace import Asked, trace
from fanroute_runtime.plan import PathPattern
from tests.conftest import SURROUNDINGS

REST = "end the path with '/*' for any rest"


def compiled(match: str) -> Compiled:
    text = f"""version: 1
service: {{name: x}}
backends: {{origin: {{url: "https://a.example.com"}}}}
routes:
  - {{match: {match}, forward: origin}}
"""
    return compile_routes(text.encode(), SURROUNDINGS)


@pytest.mark.parametrize(
    ("segment", "instead"),
    [
        (":room", "write '{room}'"),
        (":roomId", "write '{room_id}'"),
        (r":id(\d+)", r"write '{id}' with where: {id: '\d+'}"),
        ("[room]", "write '{room}'"),
        ("<room>", "write '{room}'"),
        ("<int:room>", "write '{room}' with where: {room: '[0-9]+'}"),
        ("<room:int>", "write '{room}' with where: {room: '[0-9]+'}"),
        ("$room", "write '{room}'"),
        ("([a-z]+)", "write '{name}' with where: {name: '[a-z]+'}"),
        ("[0-9]{3}", "write '{name}' with where: {name: '[0-9]{3}'}"),
        *((rest, REST) for rest in ("*rest", ":rest*", "[...rest]", "[[...rest]]", "<path:rest>", "(.*)", ".*", ".+", "**")),
        *(
            (text, None)
            for text in ("room", "{room}", "x:cancel", "a$b", "$", "@user", "~user", "a+b", "v1.0", "*", "%24metadata", "")
        ),
    ],
)
def test_what_to_write_instead(segment: str, instead: str | None) -> None:
    assert instead_of(segment) == instead


@pytest.mark.parametrize(
    ("path", "takes", "leaves", "listed"),
    [
        ("/%24metadata", ["/$metadata", "/%24metadata"], ["/%2524metadata"], "/$metadata"),
        ("/a/%2A", ["/a/*", "/a/%2a"], ["/a/b"], "/a/%2A"),
        ("/%7Broom%7D", ["/%7Broom%7D", "/{room}"], ["/x"], "/%7Broom%7D"),
        ("/100%25/caf%C3%A9", ["/100%25/caf%c3%a9"], ["/100/café"], "/100%25/café"),
        ("/a%20b/%3Aroom", ["/a%20b/:room"], ["/a+b/:room"], "/a%20b/:room"),
        ("/:room", ["/:room"], ["/x"], "/:room"),
    ],
)
def test_a_segment_is_text(path: str, takes: list[str], leaves: list[str], listed: str) -> None:
    of_path = compiled(f'{{path: "{path}"}}')
    for target in takes + leaves:
        steps = trace(of_path.plan, "", Asked("GET", f"https://a{target}")).steps
        assert (not steps[0].unfit) == (target in takes), target
    assert match_text(of_path.plan.routes[0].match) == listed
    assert [found.code for found in of_path.diagnostics] == (["FR406"] if path == "/:room" else [])


@pytest.mark.parametrize("text", [".+", ".*", "(.+)", ":room", "*rest", "^([a-z]+)", "$room", "[^/]+", "<int:room>"])
def test_what_is_told_for_a_text_silences_the_warning(text: str) -> None:
    """And it is another way to write the same text."""
    (told,) = [found for found in compiled(f'{{path: "/a/{text}"}}').diagnostics if found.code == "FR406"]
    encoded = re.findall(r"'([^']+)' if that text is meant", told.suggestion)[0]
    written = compiled(f'{{path: "/a/{encoded}"}}')
    assert "FR406" not in [found.code for found in written.diagnostics]
    assert written.plan.routes[0].match.path == PathPattern(("a", *text.split("/")))


@pytest.mark.parametrize(
    ("methods", "told"), [("get", 1), ("[GET, post, '*', All]", 3), ("[PATCH, patch]", 0), ("[GET, M-SEARCH]", 0)]
)
def test_a_method_is_matched_as_it_is(methods: str, told: int) -> None:
    assert [found.code for found in compiled(f"{{method: {methods}}}").diagnostics] == ["FR406"] * told
