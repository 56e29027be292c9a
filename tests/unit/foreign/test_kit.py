"""Tests the import of the code of starter kits: each in three languages, as it ships in its facts, and with usual changes."""

from typing import Any

import pytest

from fanroute.foreign import code, kit_import
from fanroute.foreign.code import statements_of
from fanroute.foreign.draft import Draft, NotImported, draft_text
from fanroute.foreign.kit_addresses import add_addresses
from fanroute.foreign.kit_import import import_kit
from fanroute.foreign.recognize import KINDS, kind_of
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

RUST = """use fastly::{Error, Request, Response};
mod fanout_util;

const CHANNEL: &str = "test";

/* answers a WebSocket's events { */
fn socket(mut req: Request, chan: &str) -> Response {
    if req.get_header_str("Content-Type") != Some("application/websocket-events") {
        return Response::from_status(StatusCode::BAD_REQUEST).with_body("No events\\n");
    }
    let req_body = req.take_body().into_bytes();
    let mut resp_body = req_body.clone();
    if &req_body[..6] == b"OPEN\\r\\n" {
        resp_body.extend(fanout_util::ws_sub(chan));
    }
    Response::from_status(StatusCode::OK).with_body(resp_body)
}

fn held<'a>(req: Request, chan: &'a str) -> Response {
    match req.get_url().path() {
        "/test/poll" => fanout_util::grip_response("text/plain", "response", chan),
        "/test/stream" => fanout_util::grip_response("text/plain", "stream", chan),
        "/test/sse" => fanout_util::grip_response("text/event-stream", "stream", chan),
        "/test/socket" => socket(req, chan),
        _ => Response::from_status(StatusCode::NOT_FOUND).with_body("No such endpoint\\n"), // '{'
    }
}

fn main() -> Result<(), Error> {
    println!("version: {}", version());
    let mut req = Request::from_client();
    if req.get_url().host().is_none() {
        Response::from_status(StatusCode::NOT_FOUND).with_body("Unknown host\\n").send_to_client();
        return Ok(());
    }
    let path = req.get_path().to_string();
    if let Some(addr) = req.get_client_ip_addr() {
        req.set_header("X-Forwarded-For", addr.to_string());
    }
    if path.starts_with("/test/") {
        if req.get_header_str("Grip-Sig").is_some() {
            held(req, CHANNEL).send_to_client();
            return Ok(());
        } else {
            req.handoff_fanout("self")?;
            return Ok(());
        }
    }
    Ok(req.handoff_fanout("origin")?)
}
"""
JAVASCRIPT = """/// <reference types="@fastly/js-compute" />
import { createFanoutHandoff } from "fastly:fanout";
import { gripResponse, wsSubscribe } from "./fanoutUtil.js";

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle(event) {
  const request = event.request;
  const path = new URL(request.url).pathname;
  const host = request.headers.get('host');
  if (host == null) {
    return new Response('Unknown host\\n', { status: 404 });
  }
  if (isTls(request)) {
    request.headers.set('X-Forwarded-Proto', 'https');
  }
  if (path.startsWith('/test/')) {
    if (request.headers.has('Grip-Sig')) {
      return await held(request, 'test');
    }
    return createFanoutHandoff(request, 'self');
  }
  return createFanoutHandoff(request, 'origin');
}

function isTls(request) {
  return new URL(request.url).protocol === 'https:';
}

async function held(request, channel) {
  const path = new URL(request.url).pathname;
  switch(path) {
    case '/test/poll':
      return gripResponse('text/plain', 'response', channel);
    case '/test/stream':
      return gripResponse('text/plain', 'stream', channel);
    case '/test/sse':
      return gripResponse('text/event-stream', 'stream', channel);
    case '/test/socket':
      return await socket(request, channel);
    default:
      return new Response('No such endpoint\\n', { status: 404 });
  }
}

async function socket(request, channel) {
  if (request.headers.get('Content-Type') !== 'application/websocket-events') {
    return new Response('No events\\n', { status: 400 });
  }
  const reqBody = new Uint8Array(await request.arrayBuffer());
  const segments = [reqBody]; // echoes
  if (reqBody.startsWith('OPEN')) {
    segments.push(wsSubscribe(channel));
  }
  return new Response(new ReadableStream({ start(c) { for (const s of segments) { c.enqueue(s); } } }), { status: 200 });
}
"""
GO = """package main

import (
	"strings"
	"github.com/fastly/compute-sdk-go/x/exp/handoff"
)

func held(w fsthttp.ResponseWriter, r *fsthttp.Request, channel string) {
	switch r.URL.Path {
	case "/test/poll":
		GripResponse(w, "text/plain", "response", channel)
	case "/test/stream":
		GripResponse(w, "text/plain", "stream", channel)
	case "/test/sse":
		GripResponse(w, "text/event-stream", "stream", channel)
	case "/test/socket":
		socket(w, r, channel)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "No such endpoint\\n")
	}
}

func socket(w fsthttp.ResponseWriter, r *fsthttp.Request, channel string) {
	reqBody, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	respBody := make([]byte, len(reqBody))
	copy(respBody, reqBody)
	w.Header().Add("Content-Type", "application/websocket-events")
	if bytes.Equal(reqBody[:6], []byte("OPEN\\r\\n")) {
		respBody = append(respBody, WsSub(channel)...)
	}
	w.Write(respBody)
}

func main() {
	fsthttp.ServeFunc(func(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
		path := r.URL.Path
		w.Header().Set("X-Forwarded-For", r.RemoteAddr)
		if strings.HasPrefix(path, "/test/") {
			if r.Header.Get("Grip-Sig") != "" {
				held(w, r, "test")
				return
			}
			handoff.Fanout("self")
			return
		}
		handoff.Fanout("origin")
	})
}
"""
KITS = {"rust": RUST, "javascript": JAVASCRIPT, "go": GO}
ROUTES = [
    {"name": "test-poll", "match": {"path": "/test/poll"}, "long_poll": {"channel": "test"}},
    {"name": "test-stream", "match": {"path": "/test/stream"}, "stream": {"channel": "test"}},
    {"name": "test-sse", "match": {"path": "/test/sse"}, "sse": {"channel": "test"}},
    {"name": "test-socket", "match": {"path": "/test/socket"}, "websocket": {"channel": "test", "echo": True}},
    {"match": {"path": "/test/*"}, "respond": {"status": 404, "body": "No such endpoint\n"}},
    {"handoff": "origin"},
]


def draft_of(text: str) -> Draft:
    """Returns the draft of a kit, which is recognized and valid."""
    kind = kind_of("x", text)
    assert kind is KINDS["fanout-kit"]
    draft = import_kit(text)
    compile_routes(draft_text(draft, "main.rs", "edge").encode(), INPUTS)
    return draft


def routes_of(text: str) -> list[dict[str, Any]]:
    return [route.data for route in draft_of(text).routes]


def not_understood(text: str) -> list[str]:
    """Returns the remarks besides that about the address of each backend."""
    remarks = [f"{remark.line}: {remark.text}" for remark in draft_of(text).all_remarks()]
    return [remark for remark in remarks if "the address of the backend" not in remark]


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
def test_a_kit_is_understood_as_a_whole(kit: str) -> None:
    assert routes_of(kit) == ROUTES
    assert not_understood(kit) == []
    assert {name: part.data for name, part in draft_of(kit).backends.items()} == {
        "origin": {"url": "https://origin.example.com"},
        "self": {"loopback": True},
    }
    assert routes_of(kit.replace("\n", "\r\n")) == ROUTES


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
def test_names_of_paths_and_channels_may_change(kit: str) -> None:
    changed = kit.replace("/test/", "/live/").replace('"test"', '"news"').replace("'test'", "'news'")
    made = str(ROUTES).replace("/test/", "/live/").replace("'test-", "'live-").replace("'test'", "'news'")
    assert str(routes_of(changed)) == made
    assert not_understood(changed) == []


SECOND = {
    "rust": (
        '    Ok(req.handoff_fanout("origin")?)',
        '    if path == "/api" {\n        req.send("api")?.send_to_client();\n        return Ok(());\n    }\n',
    ),
    "javascript": (
        "  return createFanoutHandoff(request, 'origin')",
        "  if (path === '/api') {\n    return fetch(request, { backend: 'api' });\n  }\n",
    ),
    "go": (
        '		handoff.Fanout("origin")',
        '		if path == "/api" {\n			resp, err := r.Send(ctx, "api")\n			return\n		}\n',
    ),
}


@pytest.mark.parametrize("language", KITS)
def test_a_second_origin(language: str) -> None:
    at, added = SECOND[language]
    text = KITS[language].replace(at, added + at)
    assert routes_of(text) == [*ROUTES[:-1], {"name": "api", "match": {"path": "/api"}, "forward": "api"}, ROUTES[-1]]
    assert draft_of(text).backends["api"].data == {"url": "https://api.example.com"}
    assert not_understood(text) == []


HOSTS = {
    "rust": ('path.starts_with("/test/")', 'req.get_host().ends_with(".edgecompute.app") && path.starts_with("/test/")'),
    "javascript": ("path.startsWith('/test/')", "host.endsWith('.edgecompute.app') && path.startsWith('/test/')"),
    "go": (
        'strings.HasPrefix(path, "/test/")',
        'strings.HasSuffix(r.Host, ".edgecompute.app") && strings.HasPrefix(path, "/test/")',
    ),
}


@pytest.mark.parametrize("language", KITS)
def test_hosts(language: str) -> None:
    made = routes_of(KITS[language].replace(*HOSTS[language]))
    assert [route["match"]["host"] for route in made[:-1]] == ["*.edgecompute.app"] * 5


CHANNELS = {
    "rust": ("held(req, CHANNEL)", 'held(req, &format!("room-{}", req.get_query_parameter("room").unwrap()))'),
    "javascript": ("held(request, 'test')", "held(request, `room-${new URL(request.url).searchParams.get('room')}`)"),
    "go": ('held(w, r, "test")', 'held(w, r, fmt.Sprintf("room-%s", r.URL.Query().Get("room")))'),
}


@pytest.mark.parametrize("language", KITS)
def test_a_channel_of_the_query(language: str) -> None:
    made = routes_of(KITS[language].replace(*CHANNELS[language]))
    assert made[1] == {
        "name": "test-stream",
        "match": {"path": "/test/stream", "query": {"room": {"present": True}}},
        "stream": {"channel": "room-{query.room}"},
    }
    assert made[3]["websocket"] == {"channel": "room-{query.room}", "echo": True}


STRANGE = {
    "rust": (
        '    if path.starts_with("/test/") {',
        "    if is_blocked(&req) {\n        Response::from_status(403).send_to_client();\n        return Ok(());\n    }\n",
    ),
    "javascript": (
        "  if (path.startsWith('/test/')) {",
        "  if (isBlocked(request)) return new Response('no', { status: 403 });\n",
    ),
    "go": (
        '		if strings.HasPrefix(path, "/test/") {',
        "		if blocked(r) {\n			w.WriteHeader(403)\n			return\n		}\n",
    ),
}


@pytest.mark.parametrize("language", KITS)
def test_what_is_not_understood_is_named_with_its_line(language: str) -> None:
    at, added = STRANGE[language]
    text = KITS[language].replace(at, added + at)
    line = KITS[language].partition(at)[0].count("\n") + 1
    condition = {"rust": "if is_blocked(&req)", "javascript": "if (isBlocked(request))", "go": "if blocked(r)"}[language]
    assert not_understood(text) == [f"{line}: not understood, so nothing is refused: {condition}"]
    assert routes_of(text) == ROUTES


@pytest.mark.parametrize("language", KITS)
def test_a_channel_that_is_not_understood_keeps_its_requests(language: str) -> None:
    unknown = {"rust": "&db::room(&req)", "javascript": "await room(request)", "go": "room(r)"}[language]
    old, _ = CHANNELS[language]
    made = routes_of(KITS[language].replace(old, f"{old.rpartition(', ')[0]}, {unknown})"))
    assert made[2] == {
        "name": "test-sse",
        "match": {"path": "/test/sse"},
        "respond": {"status": 501, "body": "Not implemented\n"},
    }


FORWARD_RUST = """fn main() -> Result<(), Error> {
    let req = Request::from_client();
    let mut use_fanout = false;
    if req.get_method() == Method::GET
        && req.get_header_all("upgrade").any(|value| value == HeaderValue::from_static("websocket"))
    {
        use_fanout = true;
    } else if req.get_method() == Method::GET || req.get_method() == Method::HEAD {
        use_fanout = true;
    }
    if use_fanout {
        req.handoff_fanout("origin")?
    } else {
        req.send("origin")?.send_to_client()
    }
    Ok(())
}
"""
FORWARD_JAVASCRIPT = """addEventListener("fetch", (event) => event.respondWith(handle(event)));
async function handle(event) {
  const { request } = event;
  let useFanout = false;
  if (request.method === 'GET' && request.headers.get('upgrade')?.split(',').some(x => x.trim() === 'websocket')) {
    useFanout = true;
  } else if (request.method === 'GET' || request.method === 'HEAD') {
    useFanout = true;
  }
  if (useFanout) {
    return createFanoutHandoff(request, "origin");
  }
  return fetch(request, { backend: "origin" });
}
"""


@pytest.mark.parametrize("text", [FORWARD_RUST, FORWARD_JAVASCRIPT], ids=["rust", "javascript"])
def test_the_kit_that_only_forwards(text: str) -> None:
    assert routes_of(text) == [
        {"match": {"method": "GET", "websocket": True}, "handoff": "origin"},
        {"match": {"method": ["GET", "HEAD"]}, "handoff": "origin"},
        {"forward": "origin"},
    ]
    assert not_understood(text) == []


def test_the_kit_for_websockets() -> None:
    text = """fn main() -> Result<(), Error> {
    let mut req = Request::from_client();
    if let Some("websocket") = req.get_header_str("Upgrade") {
        req.handoff_websocket("backend")?;
        Ok(())
    } else {
        req.set_pass(true);
        req.send("backend")?.send_to_client();
        Ok(())
    }
}
"""
    assert routes_of(text) == [{"match": {"websocket": True}, "tunnel": "backend"}, {"forward": "backend"}]
    assert not_understood(text) == ["7: set_pass: to keep answers out of the cache, write `cache: pass`"]


NEWS = """addEventListener("fetch", (event) => event.respondWith(handle(event)));
async function handle({ request }: FetchEvent) {
  const hasSig = request.headers.has("Grip-Sig");
  const topic = new URL(request.url).pathname?.substring(1);
  if (!hasSig) {
    return createFanoutHandoff(request, "self");
  }
  const shared = { "Access-Control-Allow-Origin": "*" }
  if (request.headers.get("Accept") === "application/websocket-events") {
    const body = await request.text();
    if (body.startsWith("OPEN")) {
      const payload = { type: "subscribe", topic: topic };
      const content = `c:${JSON.stringify({ type: "subscribe", topic })}`
      return new Response(body, { headers: { ...shared, "Content-Type": "application/websocket-events" } });
    } else {
      return new Response(null, { status: 200 });
    }
  }
  return new Response(null, {
    status: 200,
    headers: { ...shared, "Content-Type": "text/event-stream", "Grip-Hold": "stream", "Grip-Channel": topic, "X-A": "1" },
  });
}
"""


def test_answers_that_are_written_in_the_code() -> None:
    assert routes_of(NEWS) == [
        {"match": {"path": "/{rest...}", "websocket": True}, "websocket": {"channel": "{rest}"}},
        {"match": {"path": "/{rest...}", "websocket": False}, "sse": {"channel": "{rest}", "cors": {"origins": "*"}}},
    ]
    assert not_understood(NEWS) == ["19: the header x-a of the answer is not imported"]


def test_a_hold_for_all_but_events() -> None:
    """Tests code that asks first for what is no event of a WebSocket, and whose channel is the whole path."""
    held = NEWS[NEWS.index("  return new Response(null, {\n    status: 200,") : NEWS.rindex("}\n")]
    asked = NEWS[
        NEWS.index('  if (request.headers.get("Accept")') : NEWS.index("  return new Response(null, {\n    status: 200,")
    ]
    inside = asked[asked.index("\n") + 1 : asked.rindex("  }\n")]
    condition = '  if (request.headers.get("Accept") !== "application/websocket-events") {\n'
    text = NEWS.replace(asked + held, f"{condition}{held}  }}\n{inside}").replace("?.substring(1)", "")
    assert routes_of(text) == [
        {"match": {"path": "/{rest...}", "websocket": False}, "sse": {"channel": "/{rest}", "cors": {"origins": "*"}}},
        {"match": {"path": "/{rest...}", "websocket": True}, "websocket": {"channel": "/{rest}"}},
    ]


TRIMMED = {
    "rust": ("held(req, CHANNEL)", 'held(req, path.strip_prefix("/test/").unwrap())'),
    "javascript": ("held(request, 'test')", "held(request, path.replace('/test/', ''))"),
    "go": ('held(w, r, "test")', 'held(w, r, strings.TrimPrefix(path, "/test/"))'),
}


@pytest.mark.parametrize("language", KITS)
def test_a_channel_of_the_rest_of_the_path(language: str) -> None:
    text = KITS[language].replace(*TRIMMED[language])
    switch = {"rust": "match req.get_url().path() {", "javascript": "switch(path) {", "go": "switch r.URL.Path {"}[language]
    call = {
        "rust": 'grip_response("text/event-stream", "stream", chan)',
        "javascript": "return gripResponse('text/event-stream', 'stream', channel);",
        "go": 'GripResponse(w, "text/event-stream", "stream", channel)\n\treturn\n',
    }[language]
    made = routes_of(text.replace(switch, f"{call}\n{switch}"))
    assert made[0] == {"match": {"path": "/test/{rest...}"}, "sse": {"channel": "{rest}"}}


def asking(condition: str) -> str:
    """Returns a kit in JavaScript that sends requests of a condition to `a`, and others through Fanout."""
    return f"""addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
async function handle(request) {{
  const url = new URL(request.url);
  const path = url.pathname;
  if ({condition}) {{
    return fetch(request, {{ backend: "a" }});
  }}
  return createFanoutHandoff(request, "origin");
}}
"""


ADMIN = [{"path": ["/admin", "/admin/*"]}, {"path": "/{rest...}", "where": {"rest": "admin[^/].*"}}]


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ('path.startsWith("/admin")', ADMIN),
        ('request.url.pathname.startsWith("/admin")', ADMIN),
        ("/^\\/admin/.test(path)", ADMIN),
        ('path.startsWith("/a/b")', [{"path": ["/a/b", "/a/b/*"]}, {"path": "/a/{rest...}", "where": {"rest": "b[^/].*"}}]),
        ('path.startsWith("/")', [{"path": "/*"}]),
        ('path.endsWith(".css")', [{"path": "/{rest...}", "where": {"rest": r".*\.css"}}]),
        ('path.endsWith("/events")', [{"path": "/{rest...}", "where": {"rest": "(.*/)?events"}}]),
        ('path.includes("/x/")', [{"path": "/{rest...}", "where": {"rest": "(.*/)?x/.*"}}]),
        ('path.startsWith("/a/") && path.endsWith(".js")', [{"path": "/a/{rest...}", "where": {"rest": r".*\.js"}}]),
        ('path == "/a{b}" || "/c d" === url.pathname', [{"path": ["/a%7Bb%7D", "/c%20d"]}]),
        ("path.match(/^\\/a\\.b$/)", [{"path": "/a.b"}]),
        ('["GET", "HEAD"].includes(request.method)', [{"method": ["GET", "HEAD"]}]),
        ('path === "/a" && request.method === "post"', [{"path": "/a", "method": "POST"}]),
        ('request.headers.get("X-Team") === "red"', [{"header": {"x-team": "red"}}]),
        ('request.headers.get("X-Method") === "PUT"', [{"header": {"x-method": "PUT"}}]),
        ('!request.headers.has("X-A")', [{"header": {"x-a": {"present": False}}}]),
        (
            'request.headers.has("X-A") && url.searchParams.get("b") !== null',
            [{"header": {"x-a": {"present": True}}, "query": {"b": {"present": True}}}],
        ),
        ('url.searchParams.get("b") == null', [{"query": {"b": {"present": False}}}]),
        ('url.hostname.endsWith(".a.com") && url.host === "b.a.com"', [{"host": "b.a.com"}]),
        ('path.startsWith("/a") && path === "/ab"', [{"path": "/ab"}]),
        ('path.startsWith("/a/") && path.endsWith("/a/b")', "left out: no match can say"),
        ('path.includes("a") && path.includes("b")', "left out: no match can say"),
        ('path.toLowerCase() === "/a"', "not understood: "),
        ('path.slice(0, 4) === "/api"', "not understood: "),
        ('path.split("/")[1] === "a"', "not understood: "),
        ('path.indexOf("/a") === 0', "not understood: "),
        ('path.startsWith("/a", 1)', "not understood: "),
        ("/^\\/a\\d/.test(path)", "not understood: "),
        ("/^\\/admin/i.test(path)", "not understood: "),
        ('path === "a"', "not understood: "),
        ('path === "/a/../b"', "not understood: "),
        ('request.headers.get("X-Forwarded-Host") === "a"', "not understood: "),
        ('request.headers.get("X-Host-Id") == null && isNew(request)', "not understood: "),
        ('path === "/a" || isNew(request)', "not understood: "),
        ('path === "/a" || request.method !== "GET"', "not understood: "),
    ],
)
def test_conditions_are_exact_or_named(condition: str, matches: list[Any] | str) -> None:
    made, remarks = routes_of(asking(condition)), not_understood(asking(condition))
    if isinstance(matches, str):
        assert made == [{"handoff": "origin"}]
        assert any(f": {matches}" in remark and remark.startswith(("5: ", "6: ")) for remark in remarks)
    else:
        names = [route.pop("name", None) for route in made]
        assert made == [*({"match": match, "forward": "a"} for match in matches), {"handoff": "origin"}]
        assert remarks == [] and len(names) == len(made)


@pytest.mark.parametrize(
    ("condition", "first"),
    [
        ('path !== "/a"', {"path": "/a"}),
        ('!(path === "/a")', {"path": "/a"}),
        ('!path.startsWith("/a/")', {"path": "/a/*"}),
        ('request.method != "GET"', {"method": "GET"}),
        ('path !== "/a" && path !== "/b"', {"path": ["/a", "/b"]}),
        ('!(path == "/a" || path == "/b")', {"path": ["/a", "/b"]}),
        ('path !== "/a" || request.method !== "GET"', {"path": "/a", "method": "GET"}),
        ('request.headers.get("X-A") !== "b"', {"header": {"x-a": "b"}}),
    ],
)
def test_a_negated_condition_has_the_other_requests_first(condition: str, first: dict[str, Any]) -> None:
    made = routes_of(asking(condition))
    made[0].pop("name", None)
    assert made == [{"match": first, "handoff": "origin"}, {"forward": "a"}]
    assert not_understood(asking(condition)) == []


def test_a_negation_beside_a_condition() -> None:
    made = routes_of(asking('path.startsWith("/a/") && request.method !== "GET"'))
    assert made == [
        {"match": {"path": "/a/*", "method": "GET"}, "handoff": "origin"},
        {"match": {"path": "/a/*"}, "forward": "a"},
        {"handoff": "origin"},
    ]


def test_a_negated_condition_whose_others_are_not_answered_is_named() -> None:
    """Tests that no request gets the answer of a block that its condition leaves out, because nothing else is known of it."""
    for answer in ('other("origin");', 'return other("origin");'):
        text = asking('path !== "/a"').replace('return createFanoutHandoff(request, "origin");', answer)
        text = text.replace("  const url", "  if (request.url === x) return createFanoutHandoff(request, 'x');\n  const url")
        text = text.replace(
            "  const path", "  if (url.pathname === '/x') return createFanoutHandoff(request, 'x');\n  const path"
        )
        assert [route.data for route in import_kit(text).routes] == [{"name": "x", "match": {"path": "/x"}, "handoff": "x"}]
        assert any(one.line == 7 and "not understood: if" in one.text for one in import_kit(text).all_remarks())


@pytest.mark.parametrize(
    ("language", "condition", "matches"),
    [
        ("rust", 'path.starts_with("/test") && path != "/test/poll"', None),
        ("rust", '!path.starts_with("/test")', None),
        ("go", '!strings.HasPrefix(path, "/test")', None),
        ("go", 'r.Method != "GET" && !strings.Contains(r.URL.Path, "/test")', None),
        ("rust", "req.get_method() == Method::GET || path.eq(CHANNEL)", "not understood"),
        ("go", "strings.EqualFold(path, x)", "not understood"),
    ],
)
def test_conditions_of_other_languages(language: str, condition: str, matches: str | None) -> None:
    at, added = SECOND[language]
    old = {"rust": 'path == "/api"', "go": 'path == "/api"'}[language]
    text = KITS[language].replace(at, added.replace(old, condition) + at)
    assert (matches in " ".join(not_understood(text))) if matches else not_understood(text) == []
    assert ({"forward": "api"} in [{"forward": route.get("forward")} for route in routes_of(text)]) == (matches is None)


@pytest.mark.parametrize("language", KITS)
def test_a_prefix_within_a_segment(language: str) -> None:
    """Tests that a kit which asks for `/test` in place of `/test/` sends `/testing` where it did."""
    made = routes_of(KITS[language].replace("/test/')", "/test')").replace('/test/")', '/test")'))
    assert made[:4] == ROUTES[:4]
    assert [route.get("match") for route in made[4:]] == [
        {"path": ["/test", "/test/*"]},
        {"path": "/{rest...}", "where": {"rest": "test[^/].*"}},
        None,
    ]


def test_a_switch_over_conditions() -> None:
    arms = 'switch {\n\t\tcase strings.HasPrefix(path, "/a/"), r.Method == "POST":\n\t\t\thandoff.Fanout("other")\n\t\t\treturn\n'
    text = GO.replace('		handoff.Fanout("origin")', f'\t\t{arms}\t\tdefault:\n\t\t\thandoff.Fanout("origin")\n\t\t}}')
    assert routes_of(text) == [
        *ROUTES[:-1],
        {"match": {"path": "/a/*"}, "handoff": "other"},
        {"match": {"method": "POST"}, "handoff": "other"},
        ROUTES[-1],
    ]


def test_arms_with_a_guard() -> None:
    arm = '        p if p.starts_with("/test/x/") => fanout_util::grip_response("text/plain", "stream", "x"),\n'
    at = '        "/test/poll" =>'
    made = routes_of(RUST.replace(at, arm + at))
    assert made[0] == {"match": {"path": "/test/x/*"}, "stream": {"channel": "x"}}


@pytest.mark.parametrize(
    ("channel", "made"),
    [
        ('"a{b}"', None),
        ("`a{b}-${url.searchParams.get('q')}`", None),
        ("path.substring(1)", "news/{rest}"),
        ('path.replace("/news/", "")', "{rest}"),
        ('path.replace("/news", "")', "/{rest}"),
        ('path.replace("/other/", "")', None),
    ],
)
def test_the_text_of_a_channel(channel: str, made: str | None) -> None:
    text = asking('path.startsWith("/news/")').replace(
        'fetch(request, { backend: "a" })', f"gripResponse('text/plain', 'stream', {channel})"
    )
    expected = {"respond": {"status": 501, "body": "Not implemented\n"}} if made is None else {"stream": {"channel": made}}
    path = "/news/{rest...}" if made else "/news/*"
    assert routes_of(text)[0] == {"match": {"path": path}, **expected}


def test_an_if_within_ok() -> None:
    """Tests that both passes of `Ok(if … {…} else {…})` are found, as in a fork of the kit."""
    old = RUST[RUST.index('        if req.get_header_str("Grip-Sig")') : RUST.index("    }\n    Ok(req")]
    inside = (
        'if req.get_header_str("Grip-Sig").is_some() { held(req, CHANNEL).send_to_client() } else { req.handoff_fanout("self")? }'
    )
    text = RUST.replace(old, f"        return Ok({inside});\n")
    assert routes_of(text) == ROUTES and not_understood(text) == []


def test_a_choice_between_two_answers() -> None:
    text = JAVASCRIPT.replace("    return createFanoutHandoff(request, 'self');\n", "")
    text = text.replace(
        "    if (request.headers.has('Grip-Sig')) {\n      return await held(request, 'test');\n    }",
        "    return request.headers.has('Grip-Sig') ? held(request, 'test') : createFanoutHandoff(request, 'self');",
    )
    assert routes_of(text) == ROUTES and not_understood(text) == []
    both = "x(createFanoutHandoff(r, 'a'), fetch(r, { backend: 'b' }))"
    other = asking('path === "/a"').replace('fetch(request, { backend: "a" })', both)
    assert routes_of(other) == [{"handoff": "origin"}]
    assert any(remark.startswith("6: not understood: return x(") for remark in not_understood(other))
    unknown = asking('path === "/a"').replace(
        'fetch(request, { backend: "a" })', "y ? createFanoutHandoff(r, 'a') : createFanoutHandoff(r, 'b')"
    )
    assert routes_of(unknown)[0] == {"name": "a", "match": {"path": "/a"}, "handoff": "b"}
    assert any(remark.startswith("6: not understood: if (y)") for remark in not_understood(unknown))


def test_a_try() -> None:
    text = asking('path === "/a"').replace("  return createFanoutHandoff", "  try {\n  return createFanoutHandoff")
    text = text[:-2] + "} catch (error) {\n  return new Response('failed', { status: 500 });\n}\n}\n"
    assert routes_of(text) == routes_of(asking('path === "/a"'))
    assert not_understood(text) == ["10: what the code answers after an error is not imported"]


def test_what_an_answer_has_besides_is_named() -> None:
    answer = "new Response(PAGE, { status: 200, headers: { 'X-A': '1', 'Content-Type': 'text/html' } })"
    text = asking('path === "/a"').replace('fetch(request, { backend: "a" })', answer)
    assert routes_of(text)[0] == {"name": "a", "match": {"path": "/a"}, "respond": {"status": 200}}
    assert [remark[:56] for remark in not_understood(text)] == [
        "6: the header X-A of the answer is not imported",
        "6: the header Content-Type of the answer is not imported",
        "6: the body of the answer is not imported: return new Re",
    ]
    changed = "const made = await fetch(request, { backend: 'a' });\n    made.headers.set('X-A', '1');\n    return made"
    text = asking('path === "/a"').replace('return fetch(request, { backend: "a" })', changed)
    assert routes_of(text)[0] == {"name": "a", "match": {"path": "/a"}, "forward": "a"}
    assert not_understood(text) == ["7: the header X-A of the answer is not imported"]


def test_the_function_that_holds_is_in_the_file() -> None:
    function = """
function gripResponse(type, hold, channel) {
  const headers = new Headers();
  headers.append('Content-Type', type);
  headers.append('Grip-Hold', hold);
  headers.append('Grip-Channel', channel);
  return new Response('', { status: 200, headers });
}
"""
    assert routes_of(JAVASCRIPT + function) == ROUTES


def test_arms_that_are_no_literals() -> None:
    """A name stands for its text, and other values are named with their line. No later arm gets their requests in silence."""
    text = """
const P = "/y";
addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
async function handle(request) {
  const url = new URL(request.url);
  switch (url.pathname) {
    case `/x/${P}`: return fetch(request, { backend: "other" });
    case P: return fetch(request, { backend: "third" });
    case "/k": return fetch(request, { backend: "fourth" });
  }
  return createFanoutHandoff(request, "self");
}
"""
    draft = import_kit(text)
    assert [route.data for route in draft.routes] == [
        {"name": "y", "match": {"path": "/y"}, "forward": "third"},
        {"name": "k", "match": {"path": "/k"}, "forward": "fourth"},
        {"handoff": "self"},
    ]
    (remark,) = (remark for remark in draft.remarks if "not understood" in remark.text)
    assert remark.line == 7 and "go on to the routes below" in remark.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("createFanoutHandoff(", "no route of a starter kit"),
        ("fn main() { req.handoff_fanout(NAME)?; }", "no route of a starter kit"),
        ("fn main() {", "a brace is not closed"),
        ("}", "a brace is closed that was not opened"),
        ("{" * 200, "its blocks are nested too deeply"),
        ("/*" * 1000, "no route of a starter kit"),
        ("fn main() { f() } fn f() { f(); f() }", "no route of a starter kit"),
        ("func main() { }", "no route of a starter kit"),
    ],
)
def test_other_code_is_refused(text: str, words: str) -> None:
    with pytest.raises(NotImported, match=words):
        import_kit(text)


def test_too_much_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_import, "MAX_STEPS", 5)
    with pytest.raises(NotImported, match="too often"):
        import_kit(RUST)
    monkeypatch.setattr(code, "MAX_SOURCE", 100)
    with pytest.raises(NotImported, match="more than 100 characters"):
        import_kit(RUST)


def test_statements_of_each_language() -> None:
    texts = {
        "let a = r#\"x;{\"#; f('}')": ['let a = r#"x;{"#', "f('}')"],
        "const a = { b: 1 }\nf(`;${x}{`)": ["const a = { b: 1 }", "f(`;${x}{`)"],
        "f(a,\n  b)\n.c()": ["f(a, b) .c()"],
        "x = 1 // {\n/* ; */ y": ["x = 1", "y"],
        "g(/[{;]/)": ["g(/[{;]/)"],
    }
    for text, statements in texts.items():
        assert [one.text for one in statements_of(text)] == statements


@pytest.mark.parametrize(
    ("manifest", "backend"),
    [
        ("", {"url": "https://origin.example.com"}),
        ("not toml", {"url": "https://origin.example.com"}),
        ("setup = 5", {"url": "https://origin.example.com"}),
        ('[setup.backends.origin]\naddress = "app.example.org"\nport = 8443', {"url": "https://app.example.org:8443"}),
        ('[setup.backends.origin]\naddress = "localhost"', {"url": "https://origin.example.com"}),
        (
            '[local_server.backends.origin]\nurl = "http://localhost:3000/"\n[local_server.backends.self]\nurl = "http://localhost:7676/"',
            {"url": "https://origin.example.com", "local": "http://localhost:3000"},
        ),
        ('[local_server.backends.origin]\nurl = "http://localhost:3000/path"', {"url": "https://origin.example.com"}),
    ],
)
def test_addresses_are_those_of_fastly_toml(manifest: str, backend: dict[str, Any]) -> None:
    draft = draft_of(RUST)
    add_addresses(draft, manifest)
    assert {name: part.data for name, part in draft.backends.items()} == {"origin": backend, "self": {"loopback": True}}
    assert bool(draft.backends["origin"].remarks) == (backend["url"] == "https://origin.example.com")
