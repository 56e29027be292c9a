"""Tests which pages may read an answer, and which preflight requests are answered. Source: https://fetch.spec.whatwg.org/#http-cors-protocol"""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from fanroute.cli.diff_report import compare
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.routes import declared_routes
from fanroute.plan.tokens import with_token
from fanroute.plan.trace import Tracer, make_full_decider, through_fanout, trace, trace_lines
from fanroute.spec.cors import Origins
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.cors import add_cors_headers, cors_headers, replace_cors_headers
from fanroute_runtime.messages import Answer, Decision, Headers, ToBackend, ToFanout
from fanroute_runtime.plan import Cors, GripSig, HeaderRules, Preflight
from tests.conftest import GRIP_SIG, INPUTS

ALLOWED = "access-control-allow-origin"
ANSWER = Answer(200, (("content-type", b"text/plain"),), b"body")
EXPOSED = (("access-control-expose-headers", b"X-A"),)


def shared(origins: tuple[str, ...], origin: bytes | None, answer: Answer = ANSWER) -> Answer:
    headers = () if origin is None else (("origin", origin),)
    return add_cors_headers(
        answer,
        cors_headers(Cors(origins, EXPOSED), ClientRequest(RequestData("GET", "http://a/", headers), through_fanout=False)),
    )


@pytest.mark.parametrize("origin", [None, b"https://a.example.com", b"null", b""])
def test_any_page(origin: bytes | None) -> None:
    """The headers are the same for all pages, so that caches need not distinguish them."""
    assert shared(("*",), origin).headers == (*ANSWER.headers, (ALLOWED, b"*"), *EXPOSED)


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        (("https://a.example.com",), b"https://a.example.com"),
        (("https://b.example.com", "https://a.example.com:8443"), b"https://a.example.com:8443"),
        (("https://*.example.com",), b"https://a.example.com"),
        (("https://*.example.com",), b"https://a.b-2.example.com"),
        (("http://*.localhost:3000",), b"http://app.localhost:3000"),
        (("capacitor://localhost",), b"capacitor://localhost"),
    ],
)
def test_a_page_of_an_origin(origins: tuple[str, ...], origin: bytes) -> None:
    answer = shared(origins, origin)
    assert answer.headers == (*ANSWER.headers, ("vary", b"Origin"), (ALLOWED, origin), *EXPOSED)
    assert (answer.status, answer.body) == (200, b"body")


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        (("https://a.example.com",), None),
        (("https://a.example.com",), b""),
        (("https://a.example.com",), b"null"),
        (("https://a.example.com",), b"http://a.example.com"),
        (("https://a.example.com",), b"https://a.example.com:8443"),
        (("https://a.example.com",), b"https://A.example.com"),
        (("https://a.example.com",), b"https://a.example.com/"),
        (("https://a.example.com",), b"https://a.example.com.evil.com"),
        (("https://a.example.com",), b"https://a.example.com, https://evil.com"),
        (("https://*.example.com",), b"https://example.com"),
        (("https://*.example.com",), b"https://.example.com"),
        (("https://*.example.com",), b"https://notexample.com"),
        (("https://*.example.com",), b"http://a.example.com"),
        (("https://*.example.com",), b"https://a.example.com:8443"),
        (("https://*.example.com",), b"https://evil.com/.example.com"),
        (("https://*.example.com",), b"https://evil.com:80.example.com"),
        (("https://*.example.com",), b"https://evil.com@a.example.com"),
        (("https://*.example.com",), b"https://\xe9.example.com"),
        (("https://*.example.com",), b"https://*.example.com/"),
        (("https://*.example.com",), b"https://*.example.com"),
    ],
)
def test_any_other_page(origins: tuple[str, ...], origin: bytes | None) -> None:
    assert shared(origins, origin).headers == (*ANSWER.headers, ("vary", b"Origin"))


def test_what_the_answer_varies_by_is_kept() -> None:
    answer = Answer(200, (("vary", b"X-A"), ("x", b"y")))
    assert shared(("https://a",), None, answer).headers == (("x", b"y"), ("vary", b"X-A, Origin"))


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://a.example.com", "https://a.example.com"),
        ("HTTPS://A.example.com:443", "https://a.example.com"),
        ("http://a.example.com:80", "http://a.example.com"),
        ("http://a.example.com:443", "http://a.example.com:443"),
        ("https://a.example.com:08443", "https://a.example.com:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://*.Example.com", "https://*.example.com"),
        ("chrome-extension://abc", "chrome-extension://abc"),
        ("*", "*"),
    ],
)
def test_an_origin_is_written_as_browsers_do(written: str, origin: str) -> None:
    assert TypeAdapter(Origins).validate_python(written) == [origin]


@pytest.mark.parametrize(
    "written",
    [
        *("", "null", "a.example.com", "https://", "https://a/", "https://a?b", "https://a#b", "https://u@a", "https://*"),
        *("https://a:", "https://a:0", "https://a:65536", "https://a:x", "https://a.*.com", "https://*.*.com", "https://[::1"),
        *("https://[0::1]", "https://é", "https://a\nb", "https://a b", "//a", "https:/a", "*://a", "**"),
    ],
)
def test_what_is_no_origin(written: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Origins).validate_python(written)


COMPILED = compile_routes(
    b"""
version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - name: get
    match: {host: chat.example.com, path: "/rooms/{room}", method: GET, scheme: https, header: {x-a: b}, query: {v: "1"}}
    sse: {channel: "{room}", cors: {origins: "https://one.example.com", headers: X-A}}
  - name: post
    match: {path: "/rooms/{room}", method: [POST, PUT]}
    respond: {status: 202, cors: {origins: "https://two.example.com", credentials: true}}
  - name: any
    match: {path: /any, websocket: false}
    stream: {channel: any, cors: {origins: "*", max_age: 2h}}
  - name: tenant
    match: {path: /tenant, query: {id: {present: true}}}
    stream: {channel: "{query.id}", cors: {origins: "https://one.example.com"}}
  - handoff: origin
""",
    INPUTS,
)
ROOM = "https://chat.example.com/rooms/blue?v=1"


def asked(verb: str, url: str, **headers: str) -> tuple[str, Answer | None]:
    """Returns the route of a request and the answer on the first pass. Headers are named with underscores for hyphens."""
    pairs = tuple((name.replace("_", "-"), value.encode()) for name, value in headers.items())
    traced = trace(COMPILED.plan, "self", RequestData(verb, url, pairs))
    return traced.steps[-1].route, traced.decision if isinstance(traced.decision, Answer) else traced.second


def preflight(url: str, method: str, origin: str = "https://one.example.com", **headers: str) -> tuple[str, dict[str, bytes]]:
    route, answer = asked("OPTIONS", url, origin=origin, access_control_request_method=method, **headers)
    assert answer is None or (answer.status, answer.body) == (204, b"")
    return route, dict(answer.headers if answer else ())


def test_preflights_stand_before_their_routes_and_in_no_file() -> None:
    names = ["get", "post", "any", "tenant", "route-5"]
    assert [route.name for route in declared_routes(COMPILED.plan)] == names
    shared_names = [given for name in names[:-1] for given in (f"{name} preflight", name)]
    assert [route.name for route in COMPILED.plan.routes] == [*shared_names, "route-5"]
    assert not any(isinstance(route.action, Preflight) for route in declared_routes(COMPILED.plan))


def test_each_of_two_routes_with_a_path_answers_for_its_methods() -> None:
    assert preflight(ROOM, "GET") == (
        "get preflight",
        {
            "access-control-allow-methods": b"GET",
            "vary": b"Origin",
            ALLOWED: b"https://one.example.com",
            "access-control-allow-headers": b"X-A",
        },
    )
    route, headers = preflight(ROOM, "PUT", "https://two.example.com")
    assert (route, headers["access-control-allow-methods"]) == ("post preflight", b"PUT")
    assert (headers[ALLOWED], headers["access-control-allow-credentials"]) == (b"https://two.example.com", b"true")


def test_a_foreign_origin_is_allowed_nothing() -> None:
    route, headers = preflight(ROOM, "PUT", "https://one.example.com")
    assert (route, headers) == ("post preflight", {"access-control-allow-methods": b"PUT", "vary": b"Origin"})


def test_a_route_of_any_method_answers_for_any() -> None:
    route, headers = preflight("https://x/any", "QUERY", "null")
    assert (route, headers["access-control-allow-methods"], headers[ALLOWED]) == ("any preflight", b"QUERY", b"*")
    assert headers["access-control-max-age"] == b"7200"


@pytest.mark.parametrize(
    ("verb", "url", "headers", "route"),
    [
        ("OPTIONS", ROOM, {"origin": "https://one.example.com"}, "route-5"),
        ("OPTIONS", ROOM, {"access_control_request_method": "GET"}, "route-5"),
        ("OPTIONS", "https://x/any", {"origin": "https://one.example.com"}, "any"),
        ("OPTIONS", ROOM, {"origin": "null", "access_control_request_method": "get"}, "route-5"),
        ("OPTIONS", ROOM, {"origin": "null", "access_control_request_method": "DELETE"}, "route-5"),
        ("OPTIONS", ROOM.replace("https", "http"), {"origin": "null", "access_control_request_method": "GET"}, "route-5"),
        ("OPTIONS", ROOM.replace("chat", "b"), {"origin": "null", "access_control_request_method": "GET"}, "route-5"),
        ("OPTIONS", ROOM.replace("v=1", "v=2"), {"origin": "null", "access_control_request_method": "GET"}, "route-5"),
        ("OPTIONS", ROOM.replace("blue", "a/b"), {"origin": "null", "access_control_request_method": "GET"}, "route-5"),
        ("GET", ROOM, {"origin": "null", "access_control_request_method": "GET"}, "route-5"),
        ("GET", ROOM, {"origin": "null", "x_a": "b"}, "get"),
    ],
)
def test_what_is_no_preflight_of_a_route(verb: str, url: str, headers: dict[str, str], route: str) -> None:
    assert asked(verb, url, **headers)[0] == route


def test_the_answer_through_fanout_is_shared() -> None:
    """The answer to HEAD, which the first pass gives, can be read too."""
    for verb in ("GET", "HEAD"):
        route, answer = asked(verb, "https://x/tenant?id=a", origin="https://one.example.com")
        assert answer is not None
        headers: Headers = answer.headers
        assert (route, dict(headers)[ALLOWED], dict(headers)["vary"]) == ("tenant", b"https://one.example.com", b"Origin")
        assert ("grip-channel" in dict(headers)) == (verb == "GET")


def test_a_refusal_is_readable_too() -> None:
    route, answer = asked("GET", "https://x/tenant?id=", origin="https://one.example.com")
    assert answer is not None
    assert (route, answer.status, dict(answer.headers)[ALLOWED]) == ("tenant", 400, b"https://one.example.com")


def test_the_origin_is_asked_for_only_where_it_matters() -> None:
    decider = make_full_decider(COMPILED.plan)

    class Listening(RequestData):
        def header(self, name: str) -> bytes | None:
            names.append(name)
            return super().header(name)

    for path, is_asked in (("any", False), ("tenant?id=a", True), ("other", False)):
        names: list[str] = []
        through = through_fanout(COMPILED.plan, RequestData("GET", f"https://x/{path}"))
        decider.decide(Listening("GET", through.url, through.headers))
        assert ("origin" in names) == is_asked


PASSED_ON = compile_routes(
    b"""
version: 1
service: {name: x}
backends:
  origin: {url: "https://a.example.com"}
  fallen: {url: "https://b.example.com", fallback: {status: 503, headers: {Vary: Cookie}, body: "soon"}}
defaults:
  cors: {origins: "https://default.example.com"}
routes:
  - name: api
    match: {path: /api/*, method: [GET, HEAD, PUT], header: {x-client: web}}
    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}}
    forward:
      backend: fallen
      cors: {origins: "https://one.example.com", headers: [Authorization, X-Client], backend_answers: true}
    request_headers: {remove: [Origin]}
    response_headers: {add: {Vary: X-A}}
  - name: app
    match: {path: /app/*}
    handoff: {backend: origin, cors: {origins: "https://one.example.com"}}
    request_headers: {set: {Origin: "https://edge.example.com"}}
  - name: own
    match: {path: /own}
    forward: {backend: origin, cors: {origins: "https://one.example.com"}}
  - name: plain
    match: {path: /plain}
    forward: origin
""",
    INPUTS,
).plan
PAGE = (("origin", b"https://one.example.com"),)
SHARED = (("vary", b"Origin"), (ALLOWED, b"https://one.example.com"))


def decided(verb: str, path: str, headers: Headers = PAGE) -> tuple[str, Decision]:
    """Returns the route of a request, and the decision on the first pass."""
    traced = trace(PASSED_ON, "", RequestData(verb, f"https://x{path}", headers))
    return traced.steps[-1].route, traced.decision


def test_the_default_is_not_for_what_a_backend_answers() -> None:
    names = ["api preflight", "api", "app preflight", "app", "own preflight", "own", "plain"]
    assert [route.name for route in PASSED_ON.routes] == names
    assert PASSED_ON.routes[-1].cors is None


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT"])
def test_a_preflight_of_a_forward_has_no_token_and_no_headers(verb: str) -> None:
    route, answer = decided("OPTIONS", "/api/a", (*PAGE, ("access-control-request-method", verb.encode())))
    assert isinstance(answer, Answer)
    assert (route, answer.status, dict(answer.headers)[ALLOWED]) == ("api preflight", 204, PAGE[0][1])
    assert decided("OPTIONS", "/api/a", (*PAGE, ("access-control-request-method", b"POST")))[1] != answer


def test_a_backend_that_gives_no_answer() -> None:
    """The origin of the page counts, even if the route's rules change the header Origin for the backend."""
    decider = make_full_decider(PASSED_ON)
    for path, status, varies in (("/own", 504, b"Origin"), ("/app/a", 502, b"Origin")):
        decision = decider.decide(RequestData("GET", f"https://x{path}", PAGE))
        assert isinstance(decision, ToBackend | ToFanout)
        answer = decider.unreachable_answer(decision, status)
        assert (answer.status, answer.headers[1:]) == (status, (("vary", varies), SHARED[1]))
    route = PASSED_ON.routes[1]
    fallen = ToBackend("fallen", HeaderRules(), route.response_headers, cors_headers=SHARED, backend_answers=True)
    assert decider.unreachable_answer(fallen, 502).headers[1:] == (("vary", b"Cookie, X-A, Origin"), SHARED[1])


@pytest.mark.parametrize(
    ("page", "headers"), [(PAGE, SHARED), ((("origin", b"https://evil.example"),), SHARED[:1]), ((), SHARED[:1])]
)
def test_what_goes_to_a_backend_says_who_may_read_what_comes(page: Headers, headers: Headers) -> None:
    for path, kind in (("/own", ToBackend), ("/app/a", ToFanout)):
        _, decision = decided("GET", path, page)
        assert isinstance(decision, kind) and decision.cors_headers == headers
    _, decision = decided("GET", "/plain", page)
    assert isinstance(decision, ToBackend) and (decision.cors_headers, decision.backend_answers) == ((), False)


@pytest.mark.parametrize("status", [401, 400, 508])
def test_what_the_edge_answers_itself_is_shared(status: int) -> None:
    path, further = {
        401: ("/api/a", (("x-client", b"web"),)),
        400: ("/app/a", (("pushpin-route", b"x"),)),
        508: ("/app/a", (("grip-sig", GRIP_SIG.encode()),)),
    }[status]
    # A request from a proxy of the user is matched again.
    plan = replace(PASSED_ON, grip_sig=GripSig("present"))
    answer = trace(plan, "", RequestData("GET", f"https://x{path}", (*PAGE, *further))).decision
    assert isinstance(answer, Answer)
    assert (answer.status, dict(answer.headers)[ALLOWED]) == (status, PAGE[0][1])


def test_the_edges_word_takes_the_place_of_the_backends() -> None:
    names = ["content-type", "access-control-allow-origin", "access-control-max-age", "vary", "x-access-control-a"]
    rules = replace_cors_headers(names, SHARED)
    assert (rules.set, rules.add, rules.remove) == ((), SHARED, ("access-control-allow-origin", "access-control-max-age"))


def test_a_trace_tells_what_the_page_gets() -> None:
    tracer = Tracer(PASSED_ON, "")
    asked = with_token(RequestData("GET", "https://x/api/a", (*PAGE, ("x-client", b"web"))), {}, tracer)
    lines = list(trace_lines(tracer.trace(asked)))
    assert "  access-control-* (removed)" in lines
    assert lines[-2:] == ["  vary: Origin (added)", "  access-control-allow-origin: https://one.example.com (added)"]


def test_who_may_read_a_backends_answer_makes_a_difference() -> None:
    before, after = (
        f"routes: [{{forward: {{backend: a, cors: {{origins: '*'{more}}}}}}}]" for more in ("", ", backend_answers: true")
    )
    start = "{version: 1, service: {name: x}, backends: {a: {url: 'https://a.example.com'}}, "
    sides = (compile_routes(f"{start}{routes}}}".encode(), INPUTS) for routes in (before, after))
    old, new = ((side.plan, side.backends) for side in sides)
    (change,) = compare(old, new).changes
    assert change.differs == ["cors"]
