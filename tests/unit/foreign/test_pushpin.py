"""Tests `import` and `export` of Pushpin's routes, with forms of lines that are used in public repositories."""

from typing import Any

import pytest

from fanroute.foreign.draft import Draft, NotImported, draft_text
from fanroute.foreign.pushpin import BadLine, Section, parse_line, quoted
from fanroute.foreign.pushpin_export import NotExported, export_routes
from fanroute.foreign.pushpin_import import MAX_RULES, import_routes
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

HEAD = """version: 1
service: {name: edge}
backends:
  app: {url: "https://app.example.com"}
  back: {url: "http://back.example.com:8080"}
  self: {loopback: true}
routes:
"""
KEYS = "{algorithm: HS256, secret_store: keys, name: login}"


def data_of(draft: Draft) -> list[dict[str, Any]]:
    return [route.data for route in draft.routes]


def remarks_of(text: str) -> list[tuple[int, str]]:
    return [(remark.line, remark.text) for remark in import_routes(text).all_remarks()]


def exported(routes: str) -> tuple[list[str], list[str]]:
    """Returns the lines of an export that are no comments, and its remarks."""
    text, remarks = export_routes(compile_routes((HEAD + routes).encode(), INPUTS))
    assert [f"# routes.yaml:{one.span.line}: {one.text}" for one in remarks] == text.splitlines()[1 : 1 + len(remarks)]
    return text.splitlines()[1 + len(remarks) :], [f"{one.span.line}: {one.text}" for one in remarks]


@pytest.mark.parametrize(
    ("line", "sections"),
    [
        ("", []),
        ("   # all of it", []),
        ("* app:80", [Section("*"), Section("app:80")]),
        ("  *   app:80  # the rest", [Section("*"), Section("app:80")]),
        (
            "*,debug,id=a app:80,ssl b:80",
            [Section("*", (("debug", ""), ("id", "a"))), Section("app:80", (("ssl", ""),)), Section("b:80")],
        ),
        ("id=a app:80", [Section("", (("id", "a"),)), Section("app:80")]),
        (",id=a", [Section("", (("id", "a"),))]),
        ("*,header=X:a\\b", [Section("*", (("header", "X:a\\b"),))]),
        ('*,header="X: \\"a, b\\" #\\\\",aco', [Section("*", (("header", 'X: "a, b" #\\'), ("aco", "")))]),
        ("*\tapp:80", [Section("*\tapp:80")]),
        ("a#b c", [Section("a")]),
    ],
)
def test_a_line_is_read_as_pushpin_reads_it(line: str, sections: list[Section]) -> None:
    assert parse_line(line) == sections


@pytest.mark.parametrize("line", ['*,a="b', "*,", "*,=a", '*,a="\\n"', "*,,a", '*,a="\\'])
def test_a_line_that_pushpin_refuses_is_refused(line: str) -> None:
    with pytest.raises(BadLine):
        parse_line(line)


@pytest.mark.parametrize("word", ["plain", "a b", "a,b", '"', "\\", '\\" #', ""])
def test_a_word_is_written_as_it_is_read(word: str) -> None:
    assert parse_line(f"*,{quoted(f'header=X:{word}')} b:1")[0].get("header") == f"X:{word}"


def test_an_app_on_the_same_machine() -> None:
    """Tests what django-grip's README says: one line, whose server Fastly cannot reach."""
    draft = import_routes("* localhost:8000\n")
    assert draft.backends["origin"].data == {"url": "https://origin.example.com", "local": "http://localhost:8000"}
    assert data_of(draft) == [{"handoff": "origin"}]
    first, second = (remark.text for remark in draft.all_remarks())
    assert first.startswith("Fastly cannot reach localhost:8000") and second.startswith("no over_http: ")


@pytest.mark.parametrize(
    ("target", "backend"),
    [
        ("app.example.com:443,ssl", {"url": "https://app.example.com"}),
        ("app.example.com:80", {"url": "http://app.example.com"}),
        ("93.184.215.14:8080", {"url": "http://93.184.215.14:8080"}),
        ("172.18.0.5:80", {"url": "https://origin.example.com", "local": "http://172.18.0.5"}),
        ("go-service:8080", {"url": "https://go-service.example.com", "local": "http://go-service:8080"}),
        ("host.internal:80", {"url": "https://host.example.com", "local": "http://host.internal"}),
        ("web_1:443,ssl", {"url": "https://web-1.example.com", "local": "https://web_1"}),
        ("[::1]:8000", {"url": "https://origin.example.com", "local": "http://[::1]:8000"}),
        ("[2606:2800:21f:cb07::1]:80", {"url": "https://origin.example.com", "local": "http://[2606:2800:21f:cb07::1]"}),
    ],
)
def test_a_target_is_a_backend(target: str, backend: dict[str, str]) -> None:
    (part,) = import_routes(f"* {target},over_http").backends.values()
    assert part.data == backend


@pytest.mark.parametrize(
    "target", ["test", "zhttp/ipc:///run/a", "${target}", "app", "app:0", "app:65536", "a b:80", "*.a.com:80", "a\u202e:80"]
)
def test_a_target_that_is_no_server_keeps_its_place(target: str) -> None:
    """Tests that the requests of such a line get no other line's backend."""
    draft = import_routes(f"*,path_beg=/a/ {target}\n* app.example.com:80,over_http")
    assert data_of(draft) == [
        {"match": {"path": "/a/*"}, "respond": {"status": 501, "body": "Not implemented\n"}},
        {"handoff": "app"},
    ]
    assert draft.all_remarks()[0].line == 1 and "in place of the 501" in " ".join(one.text for one in draft.all_remarks())


def test_a_later_scheme_beats_a_longer_path() -> None:
    """Tests the lines of django-eventstream's README. Pushpin sends https requests for /events to the second one."""
    draft = import_routes("*,path_beg=/events localhost:8000\n*,ssl=yes localhost:443\n* localhost:80")
    assert data_of(draft) == [
        {"match": {"path": ["/events", "/events/*"], "scheme": "http"}, "handoff": "origin"},
        {"match": {"scheme": "https"}, "handoff": "origin-2"},
        {"match": {"scheme": "http"}, "handoff": "origin-3"},
    ]


def test_what_has_no_equal_is_named() -> None:
    remarks = remarks_of(
        "*,proto=http,ssl=no,path_beg=/sse,replace_beg=/fooo/baaz 172.18.0.5:80\n"
        "# a comment\n"
        "*,debug,sig_key=hush,color app.example.com:80,over_http,grip,insecure,host=b.example.com second.example.com:80\n"
    )
    assert [(line, text.partition(":")[0]) for line, text in remarks] == [
        (1, "Fastly cannot reach 172.18.0.5"),
        (1, "path_beg=/sse also takes paths such as /ssex; the routes take /sse and /sse/…"),
        (3, "debug"),
        (3, "sig_key"),
        (3, "color"),
        (3, "a route has one backend"),
        (3, "grip"),
        (3, "insecure"),
    ]
    assert "hush" not in str(remarks)


def test_another_host_is_the_backends_override() -> None:
    text = (
        "a.com,as_host=x.example.com app.example.com:80,over_http\n"
        "b.com,as_host=x.example.com app.example.com:80,over_http,host=y.example.com\n"
        "c.com,as_host=app.example.com app.example.com:80,over_http\n"
        "d.com,as_host=localhost:8000 app.example.com:80,over_http\n"
    )
    draft = import_routes(text)
    assert {name: part.data for name, part in draft.backends.items()} == {
        "app": {"url": "http://app.example.com", "override_host": "x.example.com"},
        "app-2": {"url": "http://app.example.com", "override_host": "y.example.com"},
        "app-3": {"url": "http://app.example.com"},
    }
    assert [part.data["handoff"] for part in draft.routes] == ["app", "app-2", "app-3", "app-3"]
    assert [(remark.line, remark.text) for remark in draft.all_remarks()] == [
        (4, "as_host=localhost:8000: it is no host: the backend gets its own as Host")
    ]
    compile_routes(draft_text(draft, "routes", "edge").encode(), INPUTS)


@pytest.mark.parametrize(
    ("condition", "rewrite"),
    [
        ("path_beg=/sse,replace_beg=/a/b", {"strip_prefix": "/sse", "add_prefix": "/a/b"}),
        ("path_beg=/api/,replace_beg=/v2/", {"strip_prefix": "/api", "add_prefix": "/v2"}),
        ("path_beg=/api/,replace_beg=/", {"strip_prefix": "/api"}),
        ("path_beg=/api/,path_rem=4", {"strip_prefix": "/api"}),
        ("path_beg=/api/x/,path_rem=4", {"strip_prefix": "/api"}),
        ("path_beg=/api,path_rem=4", {"strip_prefix": "/api"}),
        ("path_beg=/api,path_rem=2,replace_beg=/x", {"strip_prefix": "/api", "add_prefix": "/x"}),
        ("path_beg=/a b/,path_rem=4", {"strip_prefix": "/a%20b"}),
        ("replace_beg=/v2", {"add_prefix": "/v2"}),
        ("path_beg=/a,replace_beg=/{b}/50%", {"strip_prefix": "/a", "add_prefix": "/%7Bb%7D/50%25"}),
        ("path_beg=/{a}/*/,replace_beg=/", {"strip_prefix": "/%7Ba%7D/%2A"}),
        ("path_beg=/a:b,replace_beg=/c:d é", {"strip_prefix": "/a:b", "add_prefix": "/c:d%20%C3%A9"}),
        ("path_beg=/é/b,path_rem=3", {"strip_prefix": "/%C3%A9"}),
        ("path_beg=/a,replace_beg=/.hidden", {"strip_prefix": "/a", "add_prefix": "/.hidden"}),
        # Pushpin would send a path that begins with no slash, or with two, or whose words run together.
        ("path_beg=/api/,replace_beg=/v2", None),
        ("path_beg=/api,replace_beg=/v2/", None),
        ("path_beg=/api/,path_rem=5", None),
        ("path_beg=/api/,path_rem=3", None),
        ("path_beg=/api/,path_rem=9", None),
        ("path_beg=/api/,path_rem=x", None),
        ("path_rem=4", None),
        ("path_beg=/api,replace_beg=v2", None),
        ("path_beg=/é/b,path_rem=2", None),
        ("path_beg=/a,replace_beg=/b?c=d", None),
        ("path_beg=/a,replace_beg=/%2e%2e/b", None),
        ("path_beg=/a,replace_beg=//b", None),
        (f"path_beg=/a,path_rem={'9' * 5000}", None),
    ],
)
def test_a_changed_path(condition: str, rewrite: dict[str, str] | None) -> None:
    line = ",".join(map(quoted, ["*", *condition.split(",")]))
    draft = import_routes(f"{line} a.example.com:80,over_http")
    compile_routes(draft_text(draft, "routes", "edge").encode(), INPUTS)
    actions = [part.data["handoff"] for part in draft.routes]
    assert actions == [{"backend": "a", "rewrite": rewrite} if rewrite else "a"] * len(actions)
    told = [remark.text for remark in draft.all_remarks() if remark.text.startswith(("path_rem", "replace_beg"))]
    assert bool(told) == (rewrite is None)


def test_lines_without_a_route_are_named() -> None:
    text = (
        "* a.com:80,over_http\n*\n*,proto=tcp b.com:80\n*,header=X b.com:80\n"
        "* b.com:80\n*,path_beg=/../x b.com:80\nid=,aco b.com:80\nä b.com:80\n"
    )
    assert remarks_of(text) == [
        (2, "left out: the line has no target"),
        (3, "left out: proto must be 'http' or 'ws'"),
        (4, "left out: header must be 'name:value'"),
        (5, "left out: line 1 has the same condition, so Pushpin skips this one"),
        (6, "left out: no path in routes.yaml begins with '/../x'"),
        (7, "left out: the condition has neither a domain nor an id"),
        (8, "left out: no request has the host 'ä'"),
    ]


def test_a_line_that_gets_no_request_is_named() -> None:
    text = "* a.com:80,over_http\n*,proto=http,id=a b.com:80\n*,proto=ws c.com:80,over_http"
    assert remarks_of(text) == [(1, "no request gets this line, because other lines are more specific")]


def test_a_backend_of_the_fastly_cli() -> None:
    """Tests the lines that `fastly compute serve` writes for a backend: only an id leads to them."""
    draft = import_routes(
        "* a.com:80,over_http\nid=chat,replace_beg=/v1 chat.example.com:443,over_http,ssl,host=chat.example.com"
    )
    assert draft.backends["chat"].data == {"url": "https://chat.example.com"}
    assert [remark.text.partition(":")[0] for remark in draft.backends["chat"].remarks] == [
        "replace_beg=/v1",
        "only the id 'chat' leads here",
    ]


def test_headers_and_names() -> None:
    """Tests that the first of two headers counts, an empty value removes, and a name is used once."""
    line = 'a.com,id=chat,no_grip,header="X-A: b, c",header=x-a:d,header=X-B:,header=Host:x app.example.com:80'
    draft = import_routes(line)
    headers = {"set": {"X-A": "b, c"}, "remove": ["X-B"]}
    assert data_of(draft) == [
        {"name": "chat", "match": {"host": "a.com", "websocket": False}, "forward": "app", "request_headers": headers},
        {"name": "chat-2", "match": {"host": "a.com", "websocket": True}, "tunnel": "app", "request_headers": headers},
    ]
    assert [remark.text for remark in draft.all_remarks()] == ["header=Host is left out: the edge sets it to the backend's own"]


def test_a_host_with_lines_of_its_own_gets_no_others() -> None:
    draft = import_routes("a.com,path_beg=/x/ b.com:80,over_http\n* c.com:80,over_http")
    assert data_of(draft)[1] == {"match": {"host": "a.com"}, "respond": {"status": 404, "body": "Not found\n"}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("# nothing\n", 0),
        ("id=a b.com:80", 1),
        ("* a.com:80\n" * (MAX_RULES + 1), MAX_RULES + 1),
        (f"\n*,path_beg=/{'a' * 9000} a.com:80", 2),
    ],
    ids=["empty", "comment", "only an id", "many", "long"],
)
def test_a_file_without_routes_is_refused(text: str, line: int) -> None:
    with pytest.raises(NotImported) as refused:
        import_routes(text)
    assert refused.value.line == line


def test_a_comment_is_one_printable_line() -> None:
    text = draft_text(import_routes("*,aco=\u2028key:\u202e\x85 a.com:80,over_http"), "a\nb: c", "edge")
    assert all(line.isprintable() for line in text.split("\n"))
    assert compile_routes(text.encode(), INPUTS).plan.routes


def test_a_rewrite_is_exported() -> None:
    lines, remarks = exported(
        "  - {match: {path: /api/*}, forward: {backend: app, rewrite: {strip_prefix: /api}}}\n"
        "  - {match: {path: /a/b/*}, forward: {backend: app, rewrite: {strip_prefix: /a, add_prefix: /v2}}}\n"
        "  - {match: {path: /one}, forward: {backend: app, rewrite: {path: /two}}}\n"
        "  - {match: {path: /all/*}, forward: {backend: app, rewrite: {path: /two}}}\n"
        "  - {match: {path: /q}, forward: {backend: app, rewrite: {query: {remove: a}}}}\n"
        "  - {match: {path: '/r/{r}', websocket: true}, tunnel: {backend: app, rewrite: {path: '/{r}'}}}\n"
        "  - {handoff: {backend: app, rewrite: {add_prefix: /v2}}}\n"
    )
    app = "app.example.com:443,ssl,host=app.example.com"
    assert sorted(lines) == sorted(
        [
            f"*,replace_beg=/v2 {app},over_http",
            f"*,path_beg=/api/,no_grip,replace_beg=/ {app}",
            f"*,path_beg=/a/b/,no_grip,replace_beg=/v2/b/ {app}",
            f"*,path_beg=/one,no_grip,replace_beg=/two {app}",
        ]
    )
    assert len([remark for remark in remarks if "Pushpin changes no query" in remark]) == 2
    assert len(remarks) == 4


def test_an_export() -> None:
    lines, remarks = exported(
        "  - {match: {path: /api/*, websocket: false}, forward: back, request_headers: {set: {X-A: 'b, c'}, remove: [X-B]}}\n"
        "  - {match: {path: /ws, websocket: true}, tunnel: app}\n"
        "  - {match: {path: /ws/*, websocket: true}, tunnel: app}\n"
        "  - {handoff: app}\n"
    )
    assert lines == [
        "*,proto=http app.example.com:443,ssl,host=app.example.com,over_http",
        "*,proto=ws app.example.com:443,ssl,host=app.example.com,over_http",
        "*,proto=ws,path_beg=/ws,no_grip app.example.com:443,ssl,host=app.example.com",
        '*,proto=http,path_beg=/api/,no_grip,"header=x-a:b, c",header=x-b: back.example.com:8080,host=back.example.com',
    ]
    assert not remarks


def test_the_first_route_wins_in_an_export() -> None:
    """Tests that a route above a more specific one still takes its requests, also for a host with routes of its own."""
    lines, _ = exported(
        "  - {match: {path: /a/*}, handoff: app}\n"
        "  - {match: {path: /a/b/*}, handoff: back}\n  - {match: {host: x.com}, handoff: back}\n"
    )
    assert lines == [
        "x.com back.example.com:8080,host=back.example.com,over_http",
        "x.com,path_beg=/a/ app.example.com:443,ssl,host=app.example.com,over_http",
        "*,path_beg=/a/ app.example.com:443,ssl,host=app.example.com,over_http",
    ]


def test_what_an_export_leaves_out_is_named() -> None:
    lines, remarks = exported(
        "  - {match: {path: '/r/{room}', method: GET}, handoff: app}\n"
        "  - {match: {header: {x-a: b}, query: {c: d}, host: '*.a.com'}, forward: app}\n"
        "  - {match: {path: /e}, public: true, sse: {channel: e}}\n"
        "  - {match: {path: /}, handoff: app}\n"
        "  - {match: {path: /ws}, tunnel: app, origins: 'https://a.com'}\n"
        "  - {match: {host: b.com}, redirect: {location: 'https://a.com/'}}\n"
        "  - match: {path: /f/*}\n"
        "    forward: {backend: app, cors: {origins: 'https://a.com'}}\n"
        "    request_headers: {add: {X-A: b}, set: {X-C: {secret: s/c}}}\n"
        "    response_headers: {remove: [X-B]}\n"
        "    limit: {rate: 10/s}\n"
    )
    assert lines == [
        "b.com,proto=ws,path_beg=/ws,no_grip app.example.com:443,ssl,host=app.example.com",
        "*,proto=ws,path_beg=/ws,no_grip app.example.com:443,ssl,host=app.example.com",
        "*,proto=http,path_beg=/f/,no_grip app.example.com:443,ssl,host=app.example.com",
        "*,proto=ws,path_beg=/f/,no_grip app.example.com:443,ssl,host=app.example.com",
    ]
    parts = [remark.partition(": ")[2] for remark in remarks]
    for number, words in {
        1: "Pushpin cannot match `method` and Pushpin has no parameters",
        2: "`header` and Pushpin cannot match `query` and Pushpin has no '*.' in hosts",
        3: "the edge answers it",
        4: "Pushpin cannot match '/' alone",
        5: "`origins`",
        6: "the edge answers it",
        7: "`cors`",
    }.items():
        assert any(part.startswith(f"route 'route-{number}': ") and words in part for part in parts), words
    assert sum("route-5" in part for part in parts) == 3 and sum("route-7" in part for part in parts) == 5


def test_a_route_with_a_token_is_not_exported() -> None:
    routes = f"  - {{handoff: app, auth: {{keys: {KEYS}}}}}\n"
    with pytest.raises(NotExported) as refused:
        exported(routes)
    assert refused.value.span.line == 8


@pytest.mark.parametrize(
    "refusing",
    [
        "{match: {path: /a/*}, respond: {status: 403}}",
        "{match: {path: '/{room}/a'}, respond: {status: 403}}",
        "{match: {method: [PUT, DELETE]}, respond: {status: 403}}",
        "{match: {header: {x-a: absent}}, respond: {status: 401}}",
        "{match: {host: '*.a.com'}, respond: {status: 403}}",
    ],
)
def test_a_refusal_is_not_lost_in_an_export(refusing: str) -> None:
    """Tests that nothing is exported if a later line would send requests to a backend that a route refuses."""
    with pytest.raises(NotExported, match="route 'route-2' refuses requests that 'route-3' would get") as refused:
        exported(f"  - {{match: {{path: /b/*}}, handoff: app}}\n  - {refusing}\n  - {{handoff: app}}\n")
    assert refused.value.span.line == 9


@pytest.mark.parametrize(
    ("routes", "count"),
    [
        # No later route takes these requests, or none that Pushpin can have.
        ("  - {match: {path: /a/*}, handoff: app}\n  - {match: {path: /*, method: PUT}, respond: {status: 403}}\n", 1),
        ("  - {match: {path: /a/*}, respond: {status: 403}}\n  - {match: {path: /b/*}, handoff: app}\n", 1),
        ("  - {match: {path: /a/*}, respond: {status: 403}}\n  - {match: {path: '/a/{b}'}, handoff: app}\n", 0),
        # The host's requests get no line.
        ("  - {match: {host: a.com}, respond: {status: 403}}\n  - {handoff: app}\n", 1),
        # These answers keep nobody out.
        ("  - {match: {path: /a/*}, respond: {status: 404}}\n  - {handoff: app}\n", 1),
        ("  - {match: {path: /a/*}, respond: {status: 204}}\n  - {handoff: app}\n", 1),
        ("  - {match: {path: /a/*}, redirect: {location: /b}}\n  - {handoff: app}\n", 1),
    ],
)
def test_answers_that_take_nothing_from_a_line_stop_no_export(routes: str, count: int) -> None:
    lines, remarks = exported(routes)
    assert len(lines) == count and any("the edge answers it" in remark for remark in remarks)


def test_comments_of_an_export_name_its_file() -> None:
    compiled = compile_routes((HEAD + "  - {match: {path: /e}, public: true, sse: {channel: e}}\n").encode(), INPUTS)
    text, _ = export_routes(compiled, "edge/live.yaml")
    assert text.splitlines()[1].startswith("# live.yaml:8: route 'route-1': left out")


def test_lines_keep_their_order() -> None:
    """Tests that paths of the same length stay in the order of the file, both ways."""
    names = [f"/{letter}/" for letter in "hgfedcba"]
    text = "".join(f"*,path_beg={name} {name[1]}.example.com:80,over_http\n" for name in names)
    assert [route["match"]["path"] for route in data_of(import_routes(text))] == [f"{name}*" for name in names]
    lines, _ = exported("".join(f"  - {{match: {{path: {name}*}}, handoff: app}}\n" for name in names))
    assert [line.partition("=")[2][:3] for line in lines] == names
