"""The console in a browser: each section does what it says, nothing that is shown becomes markup, and nobody else gets in."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.project.workspace import Workspace
from tests.e2e.browser import Browser
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, edge_of, running, wait_until
from tests.e2e.pages import SIZES, THEMES, check_page, emulated, screenshot
from tests.e2e.test_saving import BUILD_TIMEOUT, TAKEN_OVER
from tests.support.builds import copied
from tests.support.grip_libraries import javascript_command, python_command
from tests.support.tokens import SECRET, by_pyjwt

MANIFEST = f"""\
manifest_version = 3
[local_server.secret_stores]
edge = [{{ key = "login", data = {json.dumps(SECRET.decode())} }}]
"""
console_edge = edge_of("console", {"fastly.toml": MANIFEST.encode()})

# Functions for the scripts that run in the page.
TOOLS = """
const $ = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const pane = (kind, selector) => $(`.pane[data-kind="${kind}"] ${selector}`);
const until = async (found) => {
  for (let tries = 0; tries < 600; tries++) {
    const value = found();
    if (value) return value;
    await new Promise((go) => setTimeout(go, 25));
  }
  throw new Error(`it does not come: ${found}`);
};
const type = (node, text) => {
  node.value = text;
  node.dispatchEvent(new Event("input", { bubbles: true }));
  node.dispatchEvent(new Event("change", { bubbles: true }));
};
// Waits until the tester has answered what is typed.
const answered = () => until(() => $("#try-result").getAttribute("aria-busy") === "false");
// Fills in the channel, and waits until its kinds of connections are ticked.
const useChannel = async (name) => {
  type($("#publish-channel"), name);
  await until(() => $("#publish-kinds").getAttribute("aria-busy") === "false");
};
const tick = (node, value) => { if (node.checked !== value) node.click(); };
const connect = async (kind, fields = {}) => {
  for (const [name, value] of Object.entries(fields)) type(pane(kind, `.pane-${name}`), value);
  pane(kind, ".pane-connect").click();
  await until(() => pane(kind, ".pane-state").textContent !== "not connected");
};
// Publishes again and again, because a connection may not be held yet.
const publishUntil = async (found) => {
  for (let tries = 0; tries < 100; tries++) {
    $("#publish-form button[type=submit]").click();
    for (let waits = 0; waits < 8; waits++) {
      const value = found();
      if (value) return value;
      await new Promise((go) => setTimeout(go, 25));
    }
  }
  throw new Error(`nothing arrives: ${found}`);
};
"""


def url_of(edge: Edge) -> str:
    found = re.search(r"^Console: (\S+)$", "".join(edge.output), re.MULTILINE)
    assert found
    return found.group(1)


class Page:
    """Represents an open console. A script is the body of an async function with TOOLS, and with `args` as its arguments."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def run(self, script: str, *args: Any) -> Any:
        result = self.browser.run(f"{TOOLS}\n{script}", *args)
        assert not (isinstance(result, str) and result.startswith("Error: ")), result
        return result


@contextmanager
def opened(edge: Edge, browser: Browser) -> Iterator[Page]:
    """Yields the console in a browser. In the end, its page is left, so that its connections end."""
    browser.open(url_of(edge))
    page = Page(browser)
    page.run("await until(() => $('#state').textContent === 'live' && $('#publish-code').textContent);")
    yield page
    browser.open("about:blank")


def test_it_is_printed_first(console_edge: Edge) -> None:
    lines = "".join(console_edge.output).splitlines()
    (console,) = [number for number, line in enumerate(lines) if line.startswith("Console: http://127.0.0.1:")]
    assert lines[console + 1].startswith("Serving ")


def test_it_is_opened_and_left_out_if_asked(own_project: Workspace, tmp_path: Path) -> None:
    folder = copied(own_project, tmp_path / "own").routes.parent
    opener, told = tmp_path / "bin" / "xdg-open", tmp_path / "told"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    opener.chmod(0o755)
    # The opener may still be a child of the edge when that ends, so this does not ask if any is left.
    edge = Edge("embedded", folder, "--open", PATH=f"{opener.parent}:{os.environ['PATH']}")
    try:
        wait_until(lambda: told.exists() and told.read_text())
        assert told.read_text() == f"{url_of(edge)}\n"
    finally:
        assert edge.stop() == 0
    with running("embedded", folder, "--no-console") as edge:
        assert "Console" not in "".join(edge.output)


def test_it_shows_the_routes(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        rows = page.run("""
            all(".order").forEach((one) => one.remove());
            return all("#routes-rows tr").map((row) => [...row.cells].map((cell) => cell.innerText.trim()));
        """)
    lines = (console_edge.folder / "routes.yaml").read_text().splitlines()
    assert [row[1].split("\n")[0] for row in rows] == [route.name for route in console_edge.plan.routes]
    declared = [row for row in rows if row[0]]
    assert [int(row[0]) for row in declared] == list(range(1, len(declared) + 1))
    for row in declared:
        assert lines[int(row[6]) - 1].strip() == f"- name: {row[1].split(chr(10))[0]}"
    by_name = {row[1].split("\n")[0]: row for row in declared}
    assert by_name["room-events"][2:6] == ["GET /rooms/{room}/events", "stream, text/event-stream, cors", "room-{room}", "self"]
    assert "FR301" in by_name["docs-help"][1] and "FR302" in by_name["beta"][1] and "FR" not in by_name["mine"][1]


def test_a_mark_leads_to_its_diagnostic(console_edge: Edge, chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(console_edge, chromium) as page:
        shown = page.run("""
            const mark = $('tr[data-route="docs-help"] .badge');
            mark.click();
            return $(mark.getAttribute("href")).querySelector("pre").textContent;
        """)
    monkeypatch.chdir(console_edge.folder)
    assert "FR301" in shown
    assert f"{shown}\n" in CliRunner().invoke(main, ["check"]).stderr


REQUESTS: list[dict[str, Any]] = [
    {"method": "GET", "url": "http://127.0.0.1:7676/rooms/blue/events"},
    {"method": "POST", "url": "http://chat.example.com/rooms/blue/events"},
    {
        "method": "GET",
        "url": "https://chat.example.com/rooms/blue/socket",
        "headers": ["Upgrade: websocket", "Connection: Upgrade"],
    },
    {"method": "GET", "url": "http://127.0.0.1/rooms/blue/poll", "fanout": True},
    {"method": "GET", "url": "http://127.0.0.1/mine", "claims": '{"sub": "ann"}'},
    {"method": "GET", "url": "http://127.0.0.1/mine"},
    {"method": "GET", "url": "http://127.0.0.1/start?beta=1", "headers": ["X-Plan: pro", "x-a: <b>ä</b>"]},
    {"method": "GET", "url": "http://127.0.0.1/docs/help"},
    {"method": "GET", "url": "http://127.0.0.1/a/../b"},
    {"method": "GET", "url": "http://127.0.0.1/elsewhere", "claims": '{"n": 9007199254740993}'},
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{request['method']} {urlsplit(request['url']).path}")
def test_the_tester_says_what_match_says(console_edge: Edge, chromium: Browser, request_: dict[str, Any]) -> None:
    headers, claims, fanout = request_.get("headers", []), request_.get("claims", ""), request_.get("fanout", False)
    with opened(console_edge, chromium) as page:
        steps, passes, note = page.run(
            """
            const [method, url, headers, claims, fanout] = args;
            tick($("#try-fanout"), fanout);
            type($("#try-method"), method);
            type($("#try-headers"), headers);
            type($("#try-claims"), claims);
            type($("#try-url"), url);
            await answered();
            const texts = (selector) => all(selector).map((node) => node.textContent);
            return [texts("#try-steps li"), texts("#try-passes pre"), $("#try-note").textContent];
            """,
            request_["method"],
            request_["url"],
            "\n".join(headers),
            claims,
            fanout,
        )
    options = [part for header in headers for part in ("-H", header)]
    options += ["--claims", claims] if claims else []
    options += ["--via-fanout"] if fanout else []
    routes = str(console_edge.folder / "routes.yaml")
    done = CliRunner().invoke(main, ["match", request_["method"], request_["url"], *options, "--routes", routes])
    assert done.exit_code == 0, done.output
    said, _, notes = done.output.partition("Note: ")
    assert "".join([*(f"  {step}\n" for step in steps), *passes]) == said
    assert bool(notes) == bool(note)


def test_the_tester_says_what_is_wrong(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        problem, marked = page.run("""
            type($("#try-url"), "ftp://a/");
            await answered();
            return [$("#try-problem").textContent, $("#try-url").getAttribute("aria-invalid")];
        """)
    assert "http" in problem and marked == "true"


KINDS = {
    "sse": ("/rooms/blue/events", {}),
    "stream": ("/rooms/blue/stream", {}),
    "long_poll": ("/rooms/blue/poll", {}),
    "websocket": ("/rooms/blue/socket", {"origin": "https://app.example.com"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pane_receives_what_is_published(console_edge: Edge, chromium: Browser, kind: str) -> None:
    target, fields = KINDS[kind]
    with opened(console_edge, chromium) as page:
        received = page.run(
            """
            const [kind, fields, text] = args;
            await connect(kind, fields);
            await useChannel("room-blue");
            type($("#publish-text"), text);
            for (const box of all("#publish-kinds input")) tick(box, box.value === kind);
            return await publishUntil(() => pane(kind, ".messages .text")?.textContent);
            """,
            kind,
            {"target": target, **fields},
            "<b>hello</b>\nänd more",
        )
    assert received.rstrip("\n") == "<b>hello</b>\nänd more"


def test_a_pane_sends_what_is_typed(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        received = page.run("""
            await connect("websocket", { target: "/rooms/blue/socket", origin: "https://app.example.com" });
            await until(() => pane("websocket", ".pane-state").textContent.startsWith("connected"));
            type(pane("websocket", ".pane-text"), "an echo");
            pane("websocket", ".pane-send button").click();
            return await until(() => pane("websocket", ".messages .received .text")?.textContent);
        """)
    assert received == "an echo"


def test_a_pane_shows_a_refusal(console_edge: Edge, chromium: Browser) -> None:
    """A WebSocket of a foreign origin, and a route that requires a token."""
    with opened(console_edge, chromium) as page:
        states, reasons = page.run("""
            await connect("websocket", { target: "/rooms/blue/socket", origin: "https://evil.example.com" });
            await connect("sse", { target: "/mine" });
            await until(() => pane("websocket", ".pane-state").textContent.includes("403"));
            await until(() => pane("sse", ".messages .said") && pane("websocket", ".messages .said"));
            return [["websocket", "sse"].map((kind) => pane(kind, ".pane-state").textContent),
                ["websocket", "sse"].map((kind) => pane(kind, ".messages .said").textContent)];
        """)
    assert states == ["refused, 403", "refused, 401"]
    if console_edge.name == "viceroy":
        assert reasons == ["The edge answered 403", "The edge answered 401"]
        return
    assert reasons[0].startswith("The edge answered 403: Pages of this origin must not open a WebSocket here. (`origins` lists")
    assert reasons[1].startswith("The edge answered 401: This request needs a token. (`")


def test_a_pane_sends_a_token_and_a_host(console_edge: Edge, chromium: Browser) -> None:
    token = by_pyjwt({"sub": "ann", "exp": 4_102_444_800}, "HS256").decode()
    with opened(console_edge, chromium) as page:
        received = page.run(
            """
            await connect("sse", { route: "mine", target: "/mine", token: args[0], host: "chat.example.com" });
            await useChannel("user-ann");
            for (const box of all("#publish-kinds input")) tick(box, box.value === "sse");
            const received = await publishUntil(() => pane("sse", ".messages .text")?.textContent);
            const request = () => $('[data-channel="user-ann"]')?.textContent.includes("GET chat.example.com/mine");
            if (!$("#connections-about").textContent.includes("Pushpin")) await until(request);
            return received;
            """,
            token,
        )
    assert received == "hello"


def test_the_curl_command_publishes_the_same(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        curl = page.run("""
            await useChannel("room-blue");
            type($("#publish-text"), "it's");
            for (const box of all("#publish-kinds input")) tick(box, box.value !== "stream");
            return await until(() => $("#publish-code").textContent.includes("s\\\\n") && $("#publish-code").textContent);
        """)
    assert curl.endswith(f" {console_edge.publish_url}")
    found = re.fullmatch(r"curl -d '(.*)' (\S+)", curl.replace("'\"'\"'", "\x00"))
    assert found
    item = json.loads(found.group(1).replace("\x00", "'"))["items"][0]
    assert item["channel"] == "room-blue"
    assert item["formats"] == {
        "http-stream": {"content": "data: it's\n\n"},
        "http-response": {"body": "it's\n"},
        "ws-message": {"content": "it's"},
    }


@pytest.mark.parametrize(("tool", "command"), [("python", python_command), ("javascript", javascript_command)])
def test_the_code_publishes_what_the_page_does(
    console_edge: Edge, chromium: Browser, tool: str, command: Callable[[str, Path], list[str]], tmp_path: Path
) -> None:
    with opened(console_edge, chromium) as page:
        code = page.run(
            """
            await connect("sse", { target: "/rooms/coded/events" });
            await useChannel("room-coded");
            type($("#publish-text"), "held");
            await publishUntil(() => pane("sse", ".messages .text")?.textContent === "held");
            type($("#publish-text"), "by code");
            type($("#publish-with"), args[0]);
            return await until(() => $("#publish-code").textContent.includes("by code") && $("#publish-code").textContent);
            """,
            tool,
        )
        subprocess.run(command(code, tmp_path), check=True, timeout=ANSWER_TIMEOUT)
        page.run(
            """await until(() => [...pane("sse", ".messages").children].some((one) => one.textContent.endsWith("by code")));"""
        )


def test_the_kinds_are_those_of_the_channels_routes(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        ticked = page.run("""
            const ticked = [];
            for (const channel of ["user-ann", "room-blue", "nobody's"]) {
              await useChannel(channel);
              ticked.push(all("#publish-kinds input:checked").map((box) => box.value));
            }
            return ticked;
        """)
    every = ["sse", "stream", "long_poll", "websocket"]
    assert ticked == [["sse"], every, every]


def test_pushpin_counts_the_connections(console_edge: Edge, chromium: Browser) -> None:
    if console_edge.name != "viceroy":
        pytest.skip("the embedded edge names each connection")
    with opened(console_edge, chromium) as page:
        before, shown, about = page.run("""
            await connect("sse", { target: "/rooms/green/events" });
            await connect("websocket", { target: "/rooms/green/socket", origin: "https://app.example.com" });
            const rows = () => all('[data-channel="room-green"] tbody tr');
            const read = () => rows().map((row) => [...row.cells].map((cell) => cell.textContent));
            await until(() => rows().length === 2);
            const before = read();
            await useChannel("room-green");
            for (const box of all("#publish-kinds input")) tick(box, box.value === "sse");
            await publishUntil(() => rows()[0].cells[2].textContent);
            const shown = read();
            for (const kind of ["sse", "websocket"]) pane(kind, ".pane-disconnect").click();
            await until(() => !$('[data-channel="room-green"]'));
            return [before, shown, $("#connections-about").textContent];
        """)
    assert before == [["Stream or SSE", "1", ""], ["WebSocket", "1", ""]]
    assert re.fullmatch(r"\d\d:\d\d:\d\d, to 1", shown[0][2]) and shown[1] == before[1]
    assert about.startswith("Pushpin holds the connections.")


def test_held_connections_are_shown_and_cut(console_edge: Edge, chromium: Browser) -> None:
    if console_edge.name == "viceroy":
        pytest.skip("Pushpin only counts its connections")
    with opened(console_edge, chromium) as page:
        shown, states = page.run("""
            const rows = () => all('[data-channel="room-blue"] tbody tr');
            await connect("sse", { target: "/rooms/blue/events" });
            await until(() => rows().length === 1);
            await connect("websocket", { target: "/rooms/blue/socket", origin: "https://app.example.com" });
            await until(() => rows().length === 2);
            await useChannel("room-blue");
            for (const box of all("#publish-kinds input")) tick(box, box.value === "sse");
            await publishUntil(() => rows()[0].cells[4].textContent.includes("hello"));
            const offered = all("#channels option").map((option) => option.value);
            if (!offered.includes("room-blue")) throw new Error(`offered: ${offered}`);
            const shown = rows().map((row) => [...row.cells].map((cell) => cell.textContent));
            for (const button of all("[data-cut]")) button.click();
            await until(() => $("#connections-list").textContent.startsWith("No connection is held"));
            await until(() => pane("sse", ".pane-state").matches(".bad") && pane("websocket", ".pane-state").matches(".bad"));
            return [shown, ["sse", "websocket"].map((kind) => pane(kind, ".pane-state").textContent)];
        """)
    assert [row[:3] for row in shown] == [
        ["SSE", "room-events", "GET /rooms/blue/events"],
        ["WebSocket", "room-socket", "GET /rooms/blue/socket"],
    ]
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[3]) for row in shown)
    assert all(states)


def test_connections_end_with_their_page(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        page.run("""
            await connect("sse", { target: "/rooms/left/events" });
            await until(() => $('[data-channel="room-left"]'));
        """)
    with opened(console_edge, chromium) as page:
        page.run("await until(() => !$('[data-channel=\"room-left\"]') && $('#connections-list').textContent);")


def test_traffic_is_shown_live(console_edge: Edge, chromium: Browser) -> None:
    """A request with both passes, a refusal with its reason, the filter and the pause. Viceroy tells less."""
    with opened(console_edge, chromium) as page:
        if console_edge.name == "viceroy":
            page.run("await publishUntil(() => $('#traffic-list').textContent.includes('published on '));")
            return
        console_edge.client.get("/mine")
        with console_edge.client.stream("GET", "/rooms/traffic/events", headers={"Origin": "https://app.example.com"}):
            page.run("await until(() => $('#traffic-list').textContent.includes('/rooms/traffic/events'));")
        summary, passes, refusal, hidden, waiting, after = page.run("""
            const items = () => all("#traffic-list > li");
            const find = (text) => items().find((item) => item.querySelector("summary")?.textContent.includes(text));
            const held = await until(() => find("/rooms/traffic/events"));
            held.querySelector("summary").click();
            const passes = [...held.querySelectorAll(".passes > div")].map((one) => one.textContent);
            const refused = find("/mine");
            type($("#traffic-filter"), "/mine");
            const hidden = held.hidden && !refused.hidden;
            type($("#traffic-filter"), "");
            $("#traffic-pause").click();
            const before = items().length;
            $("#publish-form button[type=submit]").click();
            await until(() => /Continue \\(\\d+ more\\)/.test($("#traffic-pause").textContent));
            const waiting = items().length === before;
            $("#traffic-pause").click();
            return [held.querySelector("summary").textContent, passes, refused.querySelector(".why").textContent, hidden, waiting,
                items().length > before];
        """)
    assert re.fullmatch(r"\d\d:\d\d:\d\d200GET /rooms/traffic/events → room-events \(sse\), pass 1 \+ 2, [\d.]+ ms", summary)
    first, second = passes
    assert "First pass: room-events, handed off (self)" in first and "origin: https://app.example.com" in first.lower()
    assert "Second pass: room-events, answered" in second and "grip-channel: room-traffic" in second.lower()
    assert refusal.startswith("This request needs a token. (")
    assert hidden and waiting and after


def test_a_save_is_shown(own_project: Workspace, chromium: Browser, tmp_path: Path) -> None:
    """A save with an error shows its diagnostics and the old routes, and one without shows the new ones."""
    routes = copied(own_project, tmp_path / "saved").routes
    good = routes.read_text()
    with running("embedded", routes.parent) as edge, opened(edge, chromium) as page:
        routes.write_text(good.replace("handoff: origin", "handoff: orgin"))
        shown, count = page.run("""
            const failure = await until(() => $("#diagnostics-list .diagnostic .error")?.closest(".diagnostic"));
            return [failure.open && failure.querySelector("pre").textContent, all("#routes-rows tr").length];
        """)
        assert "error[FR203]: unknown backend 'orgin'" in shown and count == 6
        assert edge.request("GET", "/test/other").status_code == 404
        routes.write_text(
            good.replace("- name: everything-else", "- {name: new, match: {path: /new}, respond: {status: 204}}\n  - name: rest")
        )
        names = page.run("""
            await until(() => $('tr[data-route="rest"]') && !$("#diagnostics-list .error"));
            if ($("#served-by").hidden) throw new Error("nothing says that it is interpreted");
            return all("#routes-rows .name").map((node) => node.textContent);
        """)
        assert names[-2:] == ["new", "rest"]
        page.run("await until(() => $('tr[data-route=\"rest\"] .badge')?.textContent === 'FR410');")


def test_every_error_of_a_save_is_shown(own_project: Workspace, chromium: Browser, tmp_path: Path) -> None:
    """Tests a wrong fastly.toml, a store file that is missing, and a component that cannot be built."""
    workspace = copied(own_project, tmp_path / "saved")
    routes, manifest = workspace.routes, workspace.manifest
    good = manifest.read_text()
    kept = f"{good}\n[local_server.secret_stores]\nkeys = [{{ key = 'a', file = 'missing.key' }}]\n"
    shown = """
        const [text] = args;
        await until(() => $("#diagnostics-list").textContent.includes(text));
        await until(() => $("#traffic-list").textContent.includes("saved with 1 error"));
        const one = all("#diagnostics-list .diagnostic").find((one) => one.textContent.includes(text));
        return [".severity", ".place"].map((part) => one.querySelector(part).textContent);
    """
    with running("embedded", routes.parent) as edge, opened(edge, chromium) as page:
        manifest.write_text(f"{good}\n[[[")
        severity, place = page.run(shown, "fastly.toml")
        about = page.run("return $('#diagnostics-about').textContent;")
        assert severity == "error" and re.fullmatch(r"fastly\.toml:\d+", place)
        assert about == "The last save has errors. Until they are mended, the edge serves what it served before."
        manifest.write_text(kept)
        page.run(shown, "cannot be read: no such file")
        manifest.write_text(good)
        page.run("await until(() => !$('#diagnostics-list .error'));")
        app = routes.parent / "build" / "app"
        app.rename(routes.parent / "kept")
        app.symlink_to(routes.parent / "kept")
        routes.write_text(routes.read_text().replace("everything-else", "unbuilt"))
        page.run("""
            await until(() => $("#diagnostics-list .error")?.closest(".diagnostic").textContent.includes("FR517"));
            await until(() => $("#served-by").textContent.includes("because the component could not be built"));
            await until(() => $("#diagnostics-about").textContent.startsWith("The component could not be built."));
            await until(() => $("#traffic-list").textContent.includes("the component could not be built"));
            if (!$('tr[data-route="unbuilt"]')) throw new Error("it is not served");
        """)
        app.unlink()


def test_connections_of_routes_that_are_gone_are_marked_and_cut(
    own_project: Workspace, chromium: Browser, tmp_path: Path
) -> None:
    routes = copied(own_project, tmp_path / "saved").routes
    good = routes.read_text()
    changed = good.replace("sse: {channel: test", "sse: {channel: other")
    assert changed != good
    with running("embedded", routes.parent) as edge, opened(edge, chromium) as page:
        page.run("""
            for (const kind of ["sse", "stream", "websocket"]) await connect(kind, { route: `test-${kind}` });
            await until(() => all("[data-cut]").length === 3);
            if (!$("#outdated").hidden || $(".outdated")) throw new Error("nothing has changed yet");
        """)
        # A route may move, because its fingerprint stays.
        routes.write_text(changed.replace("routes:\n", "routes:\n  - {name: new, match: {path: /new}, respond: {status: 204}}\n"))
        marked, text = page.run("""
            await until(() => !$("#outdated").hidden);
            return [all(".outdated").map((row) => row.cells[1].innerText.split("\\n")[0]), $("#outdated-text").textContent];
        """)
        assert marked == ["test-sse"]
        assert text == "1 connection came by a route that has changed or is gone."
        page.run("""
            $("#outdated-cut").click();
            await until(() => $("#outdated").hidden && all("[data-cut]").length === 2);
            await until(() => pane("sse", ".pane-state").textContent === "ended");
            for (const kind of ["stream", "websocket"]) {
              if (!pane(kind, ".pane-state").textContent.startsWith("connected")) throw new Error(`${kind} was cut, too`);
            }
        """)


@pytest.mark.viceroy
def test_viceroy_is_shown(own_project: Workspace, chromium: Browser, tmp_path: Path) -> None:
    """Requests have routes. After a save, the page says that the old routes are served until the new ones are built."""
    routes = copied(own_project, tmp_path / "saved").routes
    changed = "- {name: new, match: {path: /new}, respond: {status: 204}}\n  - name: rest"
    with running("viceroy", routes.parent, "--watch") as edge, opened(edge, chromium) as page:
        edge.request("GET", "/test/other")
        summary = page.run("""
            const found = () => all("#traffic-list summary").find((one) => one.textContent.includes("/test/other"));
            if ($("#traffic-about").hidden) throw new Error("nothing says what is not known");
            return (await until(found)).textContent;
        """)
        assert re.fullmatch(r"\d\d:\d\d:\d\d404GET /test/other → test-other \(respond\), pass 1, [\d.]+ ms", summary)
        routes.write_text(routes.read_text().replace("- name: everything-else", changed))
        page.run("""
            await until(() => !$("#building").hidden);
            if ($('tr[data-route="rest"]')) throw new Error("the new routes are shown, and not served");
        """)
        deadline = monotonic() + BUILD_TIMEOUT
        while not re.search(TAKEN_OVER, "".join(edge.output), re.MULTILINE):
            assert monotonic() < deadline, edge.recent_log()
            sleep(0.2)
        assert edge.request("GET", "/new").status_code == 204
        page.run("""await until(() => $('tr[data-route="rest"]') && $("#building").hidden);""")


HOSTILE = "<img src=x onerror=window.hacked=1>"


def test_hostile_texts_stay_texts(console_edge: Edge, chromium: Browser) -> None:
    """Tries hostile texts as a path and so a channel, a message, an event type, a header and a URL."""
    with opened(console_edge, chromium) as page:
        texts, markup, hacked = page.run(
            """
            const [hostile] = args;
            const encoded = encodeURIComponent(hostile);
            await connect("sse", { target: `/rooms/${encoded}/events`, headers: `X-A: ${hostile}` });
            await connect("stream", { target: `/rooms/${encoded}/stream` });
            await useChannel(`room-${hostile}`);
            type($("#publish-text"), `</li></pre><script>window.hacked = 1</script>${hostile}`);
            type($("#publish-event"), hostile);
            for (const box of all("#publish-kinds input")) tick(box, box.value === "sse");
            const received = await publishUntil(() => pane("sse", ".messages .text")?.textContent);
            type($("#try-headers"), `X-A: ${hostile}`);
            type($("#try-url"), `http://127.0.0.1/rooms/${encoded}/events`);
            await until(() => $("#try-passes").textContent.includes(hostile));
            type($("#try-url"), hostile);
            await until(() => $("#try-problem").textContent.includes(hostile));
            await until(() => /room-<img|%3Cimg/.test($("#traffic-list").textContent));
            const event = pane("sse", ".messages .meta").textContent;
            await new Promise((go) => setTimeout(go, 300));
            return [[received, event], all("img, svg, script:not([src]), b").length, window.hacked ?? null];
            """,
            HOSTILE,
        )
    assert texts == [f"</li></pre><script>window.hacked = 1</script>{HOSTILE}", f"event {HOSTILE}"]
    assert (markup, hacked) == (0, None)


def test_nothing_is_loaded_from_elsewhere(console_edge: Edge, chromium: Browser) -> None:
    with opened(console_edge, chromium) as page:
        here, loaded = page.run("return [location.origin, performance.getEntriesByType('resource').map((one) => one.name)];")
        refused = page.run("""
            try { document.body.insertAdjacentHTML("beforeend", "<b>markup</b>"); return "it became markup"; }
            catch (error) { return error.name; }
        """)
    assert len(loaded) > 5 and all(url.startswith(f"{here}/") for url in loaded)
    assert refused == "TypeError", "the policy lets no text become markup"


def ask(edge: Edge, target: str, method: str = "GET", **headers: str) -> int:
    """Returns the status of a request to the console's port."""
    base = "http://" + urlsplit(url_of(edge)).netloc
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, base + target, headers=given, trust_env=False, timeout=ANSWER_TIMEOUT).status_code


def test_only_the_token_opens_it(console_edge: Edge) -> None:
    token = urlsplit(url_of(console_edge)).query.removeprefix("token=")
    assert len(token) >= 32
    assert ask(console_edge, f"/?token={token}") == 303
    assert ask(console_edge, f"/{token}/") == ask(console_edge, f"/{token}/main.js") == 200
    api = {"method": "POST", "Content_Type": "application/json"}
    assert ask(console_edge, f"/{token}/api/service", **api) == 200
    for target in ("/", "/?token=", f"/?token={token[:-1]}", f"/?token={token}a", "/main.js", "/api/service", "/api/events"):
        assert ask(console_edge, target) == ask(console_edge, target, **api) == 403
    for target in (f"/{token[:-1]}/", f"/{token}a/main.js", "//", f"/{token.swapcase()}/api/events", "/%00/", "/é/"):
        assert ask(console_edge, target) == 403


def test_no_other_host_and_page_gets_in(console_edge: Edge) -> None:
    """Not even a page of another port of this machine."""
    token = urlsplit(url_of(console_edge)).query.removeprefix("token=")
    own = urlsplit(url_of(console_edge)).netloc
    for target, method in ((f"/{token}/", "GET"), (f"/{token}/api/service", "POST"), (f"/{token}/api/events", "GET")):
        for headers in (
            {"Host": "evil.example.com"},
            {"Host": "127.0.0.1.evil.example.com"},
            {"Origin": "https://evil.example.com"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:3000"},
            {"Origin": f"https://{own}"},
            {"Sec_Fetch_Site": "cross-site"},
        ):
            assert ask(console_edge, target, method, **headers) == 403, headers
    assert ask(console_edge, f"/{token}/", Origin=f"http://{own}") == 200


def test_it_answers_json_only(console_edge: Edge) -> None:
    token = urlsplit(url_of(console_edge)).query.removeprefix("token=")
    assert ask(console_edge, f"/{token}/api/service", "POST", Content_Type="text/plain") == 415
    assert ask(console_edge, f"/{token}/api/nothing", "POST", Content_Type="application/json") == 404
    assert ask(console_edge, f"/{token}/%2e%2e/api.py") == 404
    assert ask(console_edge, f"/{token}/main.js", "PUT") == 405


# Makes all sections show something.
FILL = """
await connect("sse", { target: "/rooms/blue/events" });
await connect("websocket", { target: "/rooms/blue/socket", origin: "https://app.example.com" });
await connect("long_poll", { target: "/mine" });
await until(() => pane("sse", ".pane-state").matches(".live") && pane("websocket", ".pane-state").matches(".live"));
await useChannel("room-blue");
type($("#publish-text"), JSON.stringify({ from: "ann", text: "See you at nine, in the room by the stairs?" }));
for (const box of all("#publish-kinds input")) tick(box, box.value !== "stream");
await publishUntil(() => pane("sse", ".messages .text") && pane("websocket", ".messages .text"));
type($("#try-url"), "http://127.0.0.1:7676/rooms/blue/events");
type($("#try-headers"), "");
type($("#try-method"), "GET");
await until(() => $("#try-passes").children.length === 2);
await until(() => $("#publish-result").textContent === "Published" && $("#publish-code").textContent.includes("stairs"));
await until(() => $("#traffic-list").children.length > 3 || $("#connections-about").textContent.includes("Pushpin"));
$("#traffic-list summary")?.click();
await until(() => all("[data-cut]").length >= 2 || $("#connections-about").textContent.includes("Pushpin"));
$('tr[data-route="docs-help"] .badge').click();
"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_it_fits_and_everybody_can_use_it(
    console_edge: Edge, chromium: Browser, screenshots: Path, axe: str, size: tuple[int, int], theme: str
) -> None:
    """Tests that nothing is wider than the window, and that axe-core finds nothing serious. Takes a screenshot."""
    with emulated(chromium, size, theme), opened(console_edge, chromium) as page:
        page.run(FILL)
        (screenshots / f"{console_edge.name}-{size[0]}-{theme}.png").write_bytes(screenshot(chromium))
        check_page(page.browser, axe)


def test_a_picture_shows_a_message_that_arrives(own_project: Workspace, chromium: Browser, screenshots: Path) -> None:
    """Takes the pictures of README.md, which `make pictures` puts into docs/images."""
    with running("embedded", own_project.routes.parent) as edge:
        for theme in THEMES:
            with emulated(chromium, (1200, 1000), theme), opened(edge, chromium) as page:
                page.run("""
                    for (const kind of ["stream", "sse"]) await connect(kind);
                    await until(() => all(".pane-state.live").length === 2);
                    await useChannel("test");
                    type($("#publish-text"), "hello");
                    for (const box of all("#publish-kinds input")) tick(box, ["sse", "stream"].includes(box.value));
                    await publishUntil(() => pane("stream", ".messages .text") && pane("sse", ".messages .text"));
                    await until(() => $("#publish-result").textContent === "Published");
                    await until(() => !$("#publish-code").textContent.includes("ws-message"));
                    document.documentElement.style.scrollbarWidth = "none";
                    $("#publish").scrollIntoView({ behavior: "instant" });
                    document.activeElement.blur();
                """)
                picture = chromium.devtools("Page.captureScreenshot", format="webp", quality=80)["data"]
                (screenshots / f"console-{theme}.webp").write_bytes(base64.b64decode(picture))


# Routes with long names and paths, behind those that come first.
MANY = "".join(
    f"""\
  - name: a-route-with-a-rather-long-name-that-somebody-has-chosen-{number}
    match: {{path: "/organisations/{{organisation}}/projects/{{project}}/documents/{number}", method: [GET, HEAD]}}
    forward: origin
"""
    for number in range(20)
)


def test_it_fits_with_much_to_show(
    own_project: Workspace, chromium: Browser, screenshots: Path, axe: str, tmp_path: Path
) -> None:
    """Tests 26 routes, 200 lines of traffic, an error, a connection whose route has changed, and routes that are interpreted."""
    workspace = copied(own_project, tmp_path / "saved")
    routes = workspace.routes.read_text()
    with running("embedded", workspace.routes.parent) as edge, opened(edge, chromium) as page:
        page.run("""
            for (const kind of ["sse", "websocket"]) await connect(kind);
            await until(() => all("[data-cut]").length === 2);
        """)
        for number in range(200):
            edge.client.get(f"/test/a/{'long' * (number % 40)}/path?number={number}")
        changed = routes.replace("sse: {channel: test", "sse: {channel: other")
        workspace.routes.write_text(changed.replace("  - name: everything-else", f"{MANY}  - name: everything-else"))
        page.run("await until(() => all('#routes-rows tr').length === 26 && !$('#outdated').hidden);")
        workspace.manifest.write_text("[local_server.secret_stores]\nkeys = 3\n")
        page.run("await until(() => $('#diagnostics-list .error') && $('#traffic-list').children.length >= 200);")
        for theme in THEMES:
            for size in SIZES:
                with emulated(chromium, size, theme):
                    (screenshots / f"much-{size[0]}-{theme}.png").write_bytes(screenshot(chromium))
                    check_page(page.browser, axe)


def test_it_needs_no_mouse(console_edge: Edge, chromium: Browser) -> None:
    """Tests that the Tab key reaches each control in order, and that the one with the focus is marked."""
    with opened(console_edge, chromium) as page:
        reached, wanted = (
            [],
            page.run("""
            $("#traffic-pause").click();
            const controls = all("a[href], button, input, select, textarea, summary, [tabindex='0']");
            const isFolded = (node) => node.closest("details:not([open]) > :not(summary)");
            const shown = controls.filter((node) => node.checkVisibility() && !isFolded(node));
            shown.forEach((node, number) => (node.dataset.number = number));
            return shown.length;
        """),
        )
        for _ in range(wanted):
            for kind in ("keyDown", "keyUp"):
                chromium.devtools("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            reached.append(
                page.run("""
                    const node = document.activeElement;
                    return [Number(node.dataset.number), getComputedStyle(node).outlineStyle];
                """)
            )
    assert [number for number, _ in reached] == list(range(wanted))
    assert all(outline != "none" for _, outline in reached)
