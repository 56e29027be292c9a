"""Tests locations and links with values from clients: they lead where the route's own text leads, or the request is refused."""

import json
import re
from contextlib import nullcontext
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.analysis.channels import Reference
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import compile_routes
from fanroute.rules.template import bad_values
from fanroute.spec.template import parse_template
from fanroute_runtime.grip.instructions import changes_path, expand_uri
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound
from tests.conftest import INPUTS

BASE = "https://own.example/deep/er?query"


def location(template: str, **values: str | None) -> str:
    return expand_uri(parse_template(template), lambda bound: values[bound.name]).decode()


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("/{query.a}/{query.b}", {"a": "en", "b": "home"}, "/en/home"),
        ("/{query.a}/{query.b}", {"a": "/evil.com", "b": "//"}, "/%2Fevil.com/%2F%2F"),
        ("/{query.a}", {"a": "...//%2e"}, "/...%2F%2F%252e"),
        ("/{query.a}", {"a": "..."}, "/..."),
        ("/.{query.a}", {"a": "well-known"}, "/.well-known"),
        ("/{query.a}{query.b}", {"a": "", "b": "x"}, "/x"),
        ("/{query.a}{query.b}", {"a": ".", "b": ".."}, "/..."),
        ("/a//{query.a}/../b", {"a": "x"}, "/a//x/../b"),  # what the route itself says stays
        ("/a?b={query.a}&c={query.b}", {"a": "", "b": "../.."}, "/a?b=&c=..%2F.."),
        ("/a?/{query.a}/", {"a": ""}, "/a?//"),
        ("/a#{query.a}", {"a": ".."}, "/a#.."),
        ("https://www.example.com/{query.a}", {"a": "@evil.com"}, "https://www.example.com/%40evil.com"),
        ("https://www.example.com", {}, "https://www.example.com"),
        ("/x;{query.a}", {"a": ""}, "/x;"),
        ("/;{query.a}", {"a": ".."}, "/;.."),
        # The rest of a path keeps its slashes. It begins neither with a slash nor with an empty segment.
        ("/new/{rest}", {"rest": "a b/é/%2F"}, "/new/a%20b/%C3%A9/%252F"),
        ("/{rest}", {"rest": "evil.com//x/"}, "/evil.com//x/"),
        ("/{rest}.html", {"rest": "a/"}, "/a/.html"),
        ("https://www.example.com/{rest}/x", {"rest": "a/"}, "https://www.example.com/a//x"),
        ("/a?b={rest}", {"rest": "c/d&e"}, "/a?b=c/d%26e"),
    ],
)
def test_a_location_keeps_to_the_routes_text(template: str, values: dict[str, str], expected: str) -> None:
    assert location(template, **values) == expected


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("/{query.a}/{query.b}", {"a": "", "b": "evil.com"}),
        ("/{query.a}/{query.b}", {"a": "x", "b": ""}),
        ("/{query.a}", {"a": ""}),
        ("/{query.a}", {"a": "."}),
        ("/a/{query.a}", {"a": ".."}),
        ("/{query.a}{query.b}", {"a": "", "b": ""}),
        ("/{query.a}{query.b}/x", {"a": ".", "b": "."}),
        ("/{query.a}{query.a}/x", {"a": "."}),
        ("/a/.{query.a}", {"a": ""}),
        ("/a/.{query.a}/b", {"a": "."}),
        ("/a/%2e{query.a}", {"a": "."}),
        ("/a/{query.a}%2E/b", {"a": ""}),
        (r"/a\{query.a}\b", {"a": ".."}),
        (r"/a/{query.a}\evil.com", {"a": ""}),
        ("/a/{query.a};v=1", {"a": ".."}),
        ("/a/{query.a}", {"a": "..;v=1"}),
        ("/a/{query.a}?b", {"a": ""}),
        ("/a/{query.a}#b", {"a": ".."}),
        ("https://www.example.com/{query.a}", {"a": ""}),
        ("https://www.example.com/{query.a}/x", {"a": ".."}),
        ("/{query.a}", {"a": None}),
        ("/new/{rest}", {"rest": "a/..;x"}),
        ("/new/{rest}", {"rest": r"a/x\.."}),
        ("/new/{rest}..", {"rest": "a/"}),
        ("/new/{rest}", {"rest": ""}),
        ("/a/{query.a}/b", {"a": "../x"}),
        ("/a/{query.a}/b", {"a": "x/."}),
        ("/a/{query.a}/b", {"a": r"x\..\y"}),
        ("/a/{query.a}/b", {"a": "x/..;v=1/y"}),
        ("/a/.{query.a}", {"a": "./x"}),
        ("/a/{query.a}.", {"a": "x/."}),
        ("/a/x%2f{query.a}", {"a": ".."}),
        ("/a/{query.a}%5Cx", {"a": ".."}),
        ("/{query.a}{query.b}", {"a": "/.", "b": "./"}),
    ],
)
def test_what_leads_elsewhere_is_refused(template: str, values: dict[str, str | None]) -> None:
    with pytest.raises(Refused) as refused:
        location(template, **values)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        *((given, True) for given in ("/x", "https://a.example.com/x", "http://a.example.com:8080/x", "http://a.example.com")),
        *((given, False) for given in ("//a.example.com/", "ftp://a/", "a", "http://", "http:/a", "https://u@a/", "HTTP:a")),
    ],
)
def test_where_a_location_may_begin(given: str, taken: bool) -> None:
    """Tests what docs/language/answers.md says. A client cannot choose the scheme."""
    text = "version: 1\nservice: {name: x}\nbackends: {a: {url: 'https://a'}}\nroutes: [{redirect: {location: 'GIVEN'}}]\n"
    with nullcontext() if taken else pytest.raises(Invalid):
        compile_routes(text.replace("GIVEN", given).encode(), INPUTS)


@pytest.mark.parametrize(
    ("location", "condition", "told"),
    [
        ("/.{query.l}", '{pattern: "[.][.]"}', []),  # '...' is no dot segment
        ("/.{query.l}", '{pattern: "[.]"}', ["FR404"]),
        ("/.{query.l}", '{pattern: "/[.][.]"}', ["FR404"]),
        ("/.{query.l}", '{pattern: "[.]?"}', ["FR404"]),
        ("/.{query.l}", '{pattern: "[.a]"}', ["FR403"]),
        ("/a{query.l}", '{pattern: "/[.][.]/x"}', ["FR404"]),
        ("/a{query.l}b", '{pattern: "/[.][.]"}', []),
        ("/a{query.l};v", '{pattern: "/[.][.]"}', ["FR404"]),
        ("/a{query.l}", "{present: true}", ["FR403"]),
        ("/{query.l}", '{pattern: "[.][.]/[a-z]"}', ["FR404"]),
        ("/a{query.l}", '{pattern: "[a-z/]*"}', []),
        ("/a/{query.l}", ["x", ".."], ["FR403"]),
        ("/x%2f{query.l}", ["..", "."], ["FR404"]),
    ],
)
def test_each_value_that_is_refused_is_told(location: str, condition: object, told: list[str]) -> None:
    """Tests references with text around them in the same segment."""
    given = json.dumps(condition) if isinstance(condition, list) else condition
    text = f"""version: 1
service: {{name: x}}
backends: {{a: {{url: "https://a"}}}}
routes: [{{match: {{query: {{l: {given}}}}}, redirect: {{location: "{location}"}}}}]
"""
    found = compile_routes(text.encode(), INPUTS).diagnostics
    assert [one.code for one in found if one.code in ("FR403", "FR404")] == told


PIECES = st.text("./\\;ax\n", max_size=6)


@given(PIECES, PIECES, PIECES)
def test_what_is_told_of_a_value_is_what_the_edge_does(before: str, value: str, after: str) -> None:
    reference = Reference(Bound("query", "l"))
    bad = bad_values((before, reference, after), reference)
    assert bad.matches(value) == changes_path(f"{before}{value}{after}".encode())


OWN = st.sampled_from(["a", "b-1", ".", "..", "%2e", "%2E%2e", "x%2Fy", ";v", "%20", "'"])
REFERENCES = st.sampled_from(["{query.a}", "{query.b}", "{header.c}"])
SEGMENTS = st.lists(st.lists(OWN | REFERENCES, min_size=1, max_size=3).map("".join), min_size=1, max_size=4)
BEGINNINGS = st.sampled_from(["/", "/own/", "https://www.example.com/", "https://www.example.com:81/x/"])
VALUES = st.sampled_from(["", ".", "..", "/", "//", "\\", "%2e", "..;", "?", "#", "evil.com", "@", ":", "\t", "é"]) | st.text(
    max_size=4
)


@given(
    BEGINNINGS,
    SEGMENTS,
    st.sampled_from(["/", "\\"]),
    st.sampled_from(["", "?b={query.b}/..", "#{header.c}"]),
    VALUES,
    VALUES,
    VALUES,
)
def test_any_values_stay_in_their_segments(
    begin: str, segments: list[str], separator: str, end: str, a: str, b: str, c: str
) -> None:
    """Compares the locations as a browser reads them, and as RFC 3986 does."""
    template = f"{begin}{separator.join(segments)}{end}"
    values = {"a": a, "b": b, "c": c}
    try:
        made = location(template, **values)
    except Refused:
        own = [segment for segment in re.split(r"[/\\]", re.split("[?#]", template)[0]) if "{" in segment]
        filled = [unquote(re.sub(r"\{\w+\.(\w)\}", lambda found: values[found[1]].replace("%", "%25"), part)) for part in own]
        assert "" in filled or any(map(dots, filled))
        return
    harmless = location(template, a="xx", b="yy", c="zz")
    # Dot segments are those of the route's own text, also between encoded slashes.
    assert dots(unquote(re.split("[?#]", made)[0])) == dots(unquote(re.split("[?#]", harmless)[0]))
    assert not made.startswith("//") and not browsers(made).startswith("//")
    for one, other in ((made, harmless), (browsers(made), browsers(harmless))):
        one_parts, other_parts = urlsplit(urljoin(BASE, one)), urlsplit(urljoin(BASE, other))
        assert (one_parts.scheme, one_parts.netloc) == (other_parts.scheme, other_parts.netloc)
        assert len(one_parts.path.split("/")) == len(other_parts.path.split("/"))


def dots(decoded: str) -> list[str]:
    """Returns the dot segments of a decoded path, or of a piece of one."""
    return [one for one in re.split(r"[/\\]", decoded) if one.split(";")[0] in (".", "..")]


def browsers(url: str) -> str:
    """Returns a location as a browser reads it: a backslash in the path is a slash, and a dot may be percent-encoded."""
    path, *rest = re.split("([?#])", url, maxsplit=1)
    return re.sub("%2e", ".", path.replace("\\", "/"), flags=re.IGNORECASE) + "".join(rest)
