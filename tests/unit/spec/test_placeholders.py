"""Tests placeholders of other routers, and paths that are percent-encoded to be taken as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.describe import match_text
from fanroute.plan.request import RequestData
from fanroute.plan.trace import trace
from fanroute.spec import placeholders
from fanroute.spec.placeholders import suggest_segment
from fanroute_runtime.plan import PathPattern
from tests.conftest import INPUTS

REST = "end the path with '/*' for any rest, or with '/{rest...}' to bind it"
NAMED_REST = "write '{rest...}' as the last segment"


def compiled(match: str) -> Compiled:
    text = f"""version: 1
service: {{name: x}}
backends: {{origin: {{url: "https://a.example.com"}}}}
routes:
  - {{match: {match}, forward: origin}}
"""
    return compile_routes(text.encode(), INPUTS)


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
        *((rest, NAMED_REST) for rest in ("*rest", ":rest*", "[...rest]", "[[...rest]]", "<path:rest>")),
        *((rest, REST) for rest in ("(.*)", ".*", ".+", "**")),
        *(
            (text, None)
            for text in ("room", "{room}", "x:cancel", "a$b", "$", "@user", "~user", "a+b", "v1.0", "*", "%24metadata", "")
        ),
    ],
)
def test_what_to_write_instead(segment: str, instead: str | None) -> None:
    assert suggest_segment(segment) == instead


@given(st.one_of(*(st.from_regex(each, fullmatch=True) for each in (*placeholders._SEGMENT, *placeholders._REST))))
def test_the_first_character_rules_out_no_placeholder(segment: str) -> None:
    assert suggest_segment(segment) is not None


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
        steps = trace(of_path.plan, "", RequestData("GET", f"https://a{target}")).steps
        assert (not steps[0].mismatches) == (target in takes), target
    assert match_text(of_path.plan.routes[0].match) == listed
    assert [found.code for found in of_path.diagnostics] == (["FR406"] if path == "/:room" else [])


@pytest.mark.parametrize("text", [".+", ".*", "(.+)", ":room", "*rest", "^([a-z]+)", "$room", "[^/]+", "<int:room>"])
def test_what_is_told_for_a_text_silences_the_warning(text: str) -> None:
    """The encoded path is another way to write the same text."""
    (told,) = [found for found in compiled(f'{{path: "/a/{text}"}}').diagnostics if found.code == "FR406"]
    encoded = re.findall(r"'([^']+)' if that text is intended", told.suggestion)[0]
    written = compiled(f'{{path: "/a/{encoded}"}}')
    assert "FR406" not in [found.code for found in written.diagnostics]
    assert written.plan.routes[0].match.path == PathPattern(("a", *text.split("/")))


@pytest.mark.parametrize(
    ("methods", "told"), [("get", 1), ("[GET, post, '*', All]", 3), ("[PATCH, patch]", 0), ("[GET, M-SEARCH]", 0)]
)
def test_a_method_is_matched_as_it_is(methods: str, told: int) -> None:
    assert [found.code for found in compiled(f"{{method: {methods}}}").diagnostics] == ["FR406"] * told


def told_of(match: str, action: str) -> list[tuple[str, str]]:
    """Returns the messages of FR406 about a route, with their suggestions."""
    text = f"""version: 1
service: {{name: x}}
backends: {{origin: {{url: "https://a.example.com"}}, self: {{loopback: true}}}}
routes: [{{match: {{{match}}}, {action}}}]
"""
    found = compile_routes(text.encode(), INPUTS).diagnostics
    return [(one.message.split("'")[1], one.suggestion) for one in found if one.code == "FR406"]


@pytest.mark.parametrize(
    ("location", "text", "instead"),
    [
        ("/new/:room", ":room", "write '{room}'"),
        ("https://www.example.com/[room]/x", "[room]", "write '{room}'"),
        ("/new/<room>?a=b", "<room>", "write '{room}'"),
        ("/new/<int:room>#a", "<int:room>", "write '{room}'"),
        ("/new/$lang", "$lang", "write '{query.lang}'"),
        ("/new/:pageId", ":pageId", "write '{page_id}', and have the match bind it"),
        ("/new/*", "*", "end the path of the match with '/{rest...}', and write '{rest}' here"),
        ("/new/:rest*", ":rest*", "end the path of the match with '/{rest...}', and write '{rest}' here"),
        ("/new/$1", "$1", "write '{name}', and have the match bind it"),
    ],
)
def test_a_location_has_no_placeholders_of_others(location: str, text: str, instead: str) -> None:
    ((told, mend),) = told_of('path: "/old/{room}", query: {lang: {present: true}}', f'redirect: {{location: "{location}"}}')
    assert (told, mend.partition("; ")[0]) == (text, instead)
    encoded = re.findall(r"'([^']+)' if that text is intended", mend)[0]
    silent = location.replace(text, encoded)
    assert told_of('path: "/old/{room}", query: {lang: {present: true}}', f'redirect: {{location: "{silent}"}}') == []


@pytest.mark.parametrize("location", ["/v1/x:cancel", "/a?room=:room", "/a#:room", "/@user/~a/a$b/$", "/a[room]", "/{room}", "/"])
def test_a_location_that_has_none(location: str) -> None:
    assert told_of('path: "/old/{room}"', f'redirect: {{location: "{location}"}}') == []


def test_a_link_has_no_placeholders_of_others() -> None:
    action = 'stream: {channel: {name: a, prev_id: "0"}, link: "/missed/:room"}'
    assert [text for text, _ in told_of('path: "/a/{room}"', action)] == [":room"]


@pytest.mark.parametrize(
    ("match", "channel", "text", "instead"),
    [
        ('path: "/{room}"', "[room]", "[room]", "write '{room}'"),
        ('path: "/{room}"', ":room", ":room", "write '{room}'"),
        ('path: "/{room}"', "room-[room]", "[room]", "write '{room}'"),
        ('path: "/{room}"', "rooms/:room", ":room", "write '{room}'"),
        ('path: "/{room}"', ":room/{room}", ":room", "write '{room}'"),
        ('path: "/{room}"', "rooms/<room>/all", "<room>", "write '{room}'"),
        ('path: "/{room}"', "room-<room:int>", "<room:int>", "write '{room}'"),
        ('path: "/{room_id}"', "room-$roomId", "$roomId", "write '{room_id}'"),
        ("path: /a, query: {roomId: x}", "room-[roomId]", "[roomId]", "write '{query.roomId}'"),
        ("path: /a, header: {X-Room: x}", "<room>", "<room>", "write '{room}', and have the match bind it"),
        ("path: /a", "[room]", "[room]", "write '{room}', and have the match bind it"),
    ],
)
def test_a_channel_has_no_placeholders_of_others(match: str, channel: str, text: str, instead: str) -> None:
    assert told_of(match, f'stream: {{channel: "{channel}"}}') == [(text, instead)]


@pytest.mark.parametrize("segment", [":x", "[x]", "<x>", "<int:x>", "<x:int>", "$x", ":x([0-9]+)", "x", ":y", ":x*", "x:x"])
@pytest.mark.parametrize(
    ("match", "action"),
    [
        ('where: {x: "[0-9]+"}', "forward: origin"),
        ("query: {y: z}", 'stream: {channel: "r-{x}"}'),
        ("query: {y: z}", 'redirect: {location: "/{x}"}'),
        ("query: {y: z}", 'forward: origin, auth: {keys: {algorithm: HS256, secret_store: a, name: b}, claims: {a: "{x}"}}'),
    ],
)
def test_what_the_path_has_otherwise_is_to_be_bound(segment: str, match: str, action: str) -> None:
    text = f"""version: 1
service: {{name: x}}
backends: {{origin: {{url: "https://a.example.com"}}, self: {{loopback: true}}}}
routes: [{{match: {{path: "/a/{segment}/b", {match}}}, {action}}}]
"""
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), INPUTS)
    (found,) = invalid.value.diagnostics
    assert found.code in ("FR209", "FR217")
    told = found.suggestion == f"write '{{x}}' in place of '{segment}' in the path"
    assert told == (segment not in ("x", ":y", ":x*", "x:x"))


def test_a_channel_as_in_the_path() -> None:
    """A placeholder of another router is meant as one if the path has it, too."""
    found = told_of('path: "/rooms/:room"', 'stream: {channel: "room-:room"}')
    assert [text for text, _ in found] == [":room", ":room"]


@pytest.mark.parametrize(
    "channel",
    [
        *(
            "room:1",
            "news:sports",
            "a:b",
            "chat:room",
            "$SYS",
            ":all",
            "room-:1",
            "<1>",
            "[1]",
            "a[0]",
            "x-[other]",
            "*",
            "a$room",
        ),
        *(
            "{room}:b",
            "chat:{room}:room",
            "x/{query.b}:room/y",
            "room-:room",
            ":other",
            "a/:other",
            ":room:{room}",
            "{room}:room",
        ),
    ],
)
def test_a_channel_that_has_none(channel: str) -> None:
    assert told_of('path: "/{room}", query: {b: x}', f'stream: {{channel: "{channel}"}}') == []


def test_a_meta_variable_and_a_previous_id_have_none_either() -> None:
    action = 'long_poll: {channel: {name: a, prev_id: ":room"}, meta: {user: "[room]"}}'
    assert sorted(text for text, _ in told_of('path: "/{room}"', action)) == [":room", "[room]"]


def test_a_location_has_the_rest_that_is_bound() -> None:
    assert told_of('path: "/old/{page...}"', "redirect: {location: /new/*}") == [
        ("*", "write '{page}'; '%2A' if that text is intended")
    ]
