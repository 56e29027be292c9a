"""Tests with generated files that `import` and `export` of Pushpin's routes send each request to the same backend."""

import json
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanroute.foreign.draft import NotImported, draft_text
from fanroute.foreign.pushpin_export import export_routes
from fanroute.foreign.pushpin_import import import_routes
from fanroute.formatting.formatter import format_routes
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Forward, Handoff, Tunnel
from tests.conftest import INPUTS

Data = dict[str, Any]

HOSTS = ["a.com", "b.com"]
PATHS = ["", "/", "/a", "/a/", "/a/b", "/a/b/", "/ab/", "/c/d"]
PATHS_ASKED = ["/", *PATHS[2:], "/a/b/c", "/c/", "/c/d/e", "/x"]
ASKED = [*product([*HOSTS, "c.com"], ["http", "https"], [False, True], PATHS_ASKED)]
BACKENDS = [f"s{number}.example.com" for number in range(1, 5)]

LINES = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(["*", "*", *HOSTS]),
        "proto": st.sampled_from(["", "", "http", "ws"]),
        "ssl": st.sampled_from(["", "", "yes", "no"]),
        "path_beg": st.sampled_from(PATHS),
        "no_grip": st.booleans(),
        "target": st.sampled_from(BACKENDS),
    }
)


def text_of(line: Data) -> str:
    named = [f"{name}={line[name]}" for name in ("proto", "ssl", "path_beg") if line[name]]
    return f"{','.join([line['domain'], *named, *(['no_grip'] if line['no_grip'] else [])])} {line['target']}:80,over_http"


def contained(path: str, prefix: str) -> bool:
    return path.startswith(prefix) if prefix.endswith("/") or not prefix else f"{path}/".startswith(f"{prefix}/")


def chosen(lines: list[Data], host: str, scheme: str, websocket: bool, path: str) -> tuple[str, bool] | None:
    """Returns the target and `no_grip` of the line that Pushpin chooses. Follows DomainMap::entry, by whole segments of paths."""
    own = [line for line in lines if line["domain"] == host] or [line for line in lines if line["domain"] == "*"]
    best: Data | None = None
    seen = set()
    for line in own:
        condition = line["proto"], line["ssl"], line["path_beg"]
        is_match = (
            line["proto"] in ("", "ws" if websocket else "http")
            and line["ssl"] in ("", "yes" if scheme == "https" else "no")
            and contained(path, line["path_beg"])
        )
        if condition not in seen and is_match and (best is None or is_more_specific(line, best)):
            best = line
        seen.add(condition)
    return best and (best["target"], best["no_grip"])


def is_more_specific(line: Data, best: Data) -> bool:
    if not best["proto"] and line["proto"]:
        return True
    if best["proto"] and not line["proto"]:
        return False
    if len(line["path_beg"]) > len(best["path_beg"]):
        return True
    return bool(not best["ssl"] and line["ssl"])


def answers(text: str) -> list[tuple[str, bool] | None]:
    """Returns the backend of each request of ASKED, and True if that gets it without Fanout; None if no backend gets it."""
    compiled = compile_routes(text.encode(), INPUTS)
    tracer = Tracer(compiled.plan, compiled.loopback)
    hosts = {backend.name: backend.host for backend in compiled.backends}
    found: list[tuple[str, bool] | None] = []
    for host, scheme, websocket, path in ASKED:
        headers = (("upgrade", b"websocket"), ("connection", b"upgrade")) if websocket else ()
        route = tracer.route_of(RequestData("GET", f"{scheme}://{host}{path}", (("host", host.encode()), *headers)))
        action = route.action if route else None
        passed = isinstance(action, Handoff | Forward | Tunnel)
        found.append((hosts[action.backend], not isinstance(action, Handoff)) if passed else None)
    return found


def imported(text: str) -> str:
    """Returns the routes.yaml of a `routes` file, which is formatted already."""
    formatted = format_routes(draft_text(import_routes(text), "routes", "edge").encode(), INPUTS)
    assert format_routes(formatted.encode(), INPUTS) == formatted
    return formatted


@given(st.lists(LINES, min_size=1, max_size=7))
def test_an_import_sends_requests_to_the_backend_of_pushpin(lines: list[Data]) -> None:
    assert answers(imported("\n".join(map(text_of, lines)))) == [chosen(lines, *asked) for asked in ASKED]


@st.composite
def routes(draw: st.DrawFn) -> list[Data]:
    """Generates a route that Pushpin can have too, or two for a path and all below it."""
    action = draw(st.sampled_from(["handoff", "forward", "tunnel"]))
    websocket = draw(st.sampled_from([None, False, True])) if action == "handoff" else action == "tunnel"
    scheme, path = draw(st.sampled_from([None, "http", "https"])), draw(st.sampled_from([path for path in PATHS if path != "/"]))
    host = draw(st.sampled_from([None, *HOSTS, HOSTS]))
    paths = [None] if not path else [f"{path}*"] if path.endswith("/") else [path, f"{path}/*"]
    backend = draw(st.sampled_from(BACKENDS)).partition(".")[0]
    conditions = {"host": host, "scheme": scheme, "websocket": websocket}
    return [
        {"match": {key: value for key, value in {**conditions, "path": one}.items() if value is not None}, action: backend}
        for one in paths
    ]


@given(st.lists(routes(), min_size=1, max_size=6))
def test_what_both_can_say_comes_back(generated: list[list[Data]]) -> None:
    backends = {host.partition(".")[0]: {"url": f"https://{host}"} for host in BACKENDS}
    spec = {
        "version": 1,
        "service": {"name": "edge"},
        "backends": backends,
        "routes": [one for some in generated for one in some],
    }
    text = json.dumps(spec)
    exported, remarks = export_routes(compile_routes(text.encode(), INPUTS))
    assert not remarks
    again = imported(exported)
    assert answers(again) == answers(text)
    assert all_are_about_paths(again)


def all_are_about_paths(text: str) -> bool:
    """Returns True if the comments name nothing but what `path_beg` takes, and hosts with lines of their own."""
    comments = [line for line in text.splitlines() if "# line " in line]
    return all("also takes paths such as" in line or "Pushpin does not use the lines for '*'" in line for line in comments)


@given(st.text(max_size=200) | st.lists(LINES.map(text_of) | st.text(' "\\,=#*:a/[]é\t', max_size=30)).map("\n".join))
def test_any_text_is_imported_or_refused(text: str) -> None:
    """Tests that each line that says something gives a route or a remark, and that the result is valid."""
    try:
        draft = import_routes(text)
    except NotImported as error:
        assert str(error)
        return
    compile_routes(imported(text).encode(), INPUTS)
    assert draft.routes
