"""Tests that printed commands can be pasted into a shell."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from fanroute.cli.next_steps import changed_port_warnings, exposed_warnings, publish_lines, serve_lines
from fanroute.devserver.config import EdgeUrls, host_entries
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Step, trace
from tests.conftest import INPUTS, REPOSITORY

ROUTES = b"""
version: 1
service: {name: My_Chat}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: socket, match: {host: "*.edgecompute.app", path: "/it's/$x"}, websocket: {channel: "it's", protocols: chat.v1}}
  - {name: stream, match: {host: ["*.b.example.com", c.example.com]}, stream: {channel: x}}
  - {name: exact, match: {host: chat.edgecompute.app}, stream: {channel: x}}
  - {name: rest, match: {path: /a/*}, handoff: origin}
  - handoff: origin
"""
COMPILED = compile_routes(ROUTES, INPUTS)


def shown(compiled: Compiled, urls: EdgeUrls, as_host: str = "") -> list[str]:
    """Returns the printed lines. Local names stand for the service's own host, or for another one."""
    hosts = host_entries(compiled.plan.routes, as_host or compiled.loopback_host)
    return list(serve_lines(compiled, "embedded", urls, hosts))


def requests(compiled: Compiled, urls: EdgeUrls) -> list[list[str]]:
    """Returns the words of the printed lines that make a request for a route."""
    lines = shown(compiled, urls)[1:]
    return [shlex.split(line) for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("Publish to "))]]


def test_routes_are_shown_as_commands() -> None:
    assert requests(COMPILED, EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/")) == [
        ["socket:", "npx", "wscat", "-c", "ws://127.0.0.1:1/it%27s/%24x", "-s", "chat.v1"],
        ["stream:", "curl", "-N", "-H", "Host: example.b.example.com", "http://127.0.0.1:1/"],
        ["exact:", "curl", "-N", "-H", "Host: chat.edgecompute.app", "http://127.0.0.1:1/"],
        ["rest:", "curl", "http://127.0.0.1:1/a/x"],
        ["route-5:", "curl", "http://127.0.0.1:1/"],
    ]


def test_a_url_needs_no_host_for_routes_of_the_host_that_it_stands_for() -> None:
    urls = EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/")
    with_host = [line.split(":")[0].strip() for line in shown(COMPILED, urls, "https://x.b.example.com") if "Host: " in line]
    assert with_host == ["socket", "exact"]
    named = compile_routes(ROUTES.replace(b"c.example.com", b"127.0.0.1"), INPUTS)
    assert [line.split(":")[0].strip() for line in shown(named, urls) if "Host: " in line] == ["socket", "exact"]


def test_tokens_have_their_place() -> None:
    auth = "auth: {keys: {algorithm: HS256, secret_store: a, name: b}, token: %s}"
    routes = f"""
version: 1
service: {{name: chat}}
backends: {{origin: {{url: "https://a.example.com"}}, self: {{loopback: true}}}}
routes:
  - {{match: {{path: "/{{room}}/a"}}, {auth % "authorization"}, sse: {{channel: "{{claim.sub}}:{{room}}"}}}}
  - {{match: {{path: /b}}, {auth % "{cookie: session}"}, handoff: origin}}
  - {{match: {{path: /c, query: {{a: b}}}}, {auth % "{query: my token}"}, forward: origin}}
  - {{match: {{path: /d}}, {auth % "{header: x-auth-token}"}, forward: origin}}
  - {{match: {{path: /e}}, {auth % "{protocol: bearer}"}, websocket: {{channel: a, protocols: b}}}}
"""
    compiled, urls = compile_routes(routes.encode(), INPUTS), EdgeUrls("http://a", "http://b/publish/")
    lines = list(serve_lines(compiled, "embedded", urls, {}, makes_tokens=False))
    assert [shlex.split(line)[1:] for line in lines[1:6]] == [
        ["curl", "-N", "-H", "Authorization: Bearer TOKEN", "http://a/room/a"],
        ["curl", "-H", "Cookie: session=TOKEN", "http://a/b"],
        ["curl", "http://a/c?a=b&my+token=TOKEN"],
        ["curl", "-H", "X-Auth-Token: TOKEN", "http://a/d"],
        ["npx", "wscat", "-c", "ws://a/e", "-s", "b", "-s", "bearer", "-s", "TOKEN"],
    ]
    assert lines[-3] == "  fanroute publish sub:room hello"
    made = "made by token"
    assert [arguments_in_shell(line) for line in shown(compiled, urls)[1:6]] == [
        ["-N", "-H", f'Authorization: Bearer {made} --claims {{"sub": "sub"}}', "http://a/room/a"],
        ["-H", f"Cookie: session={made}", "http://a/b"],
        [f"http://a/c?a=b&my+token={made}"],
        ["-H", f"X-Auth-Token: {made}", "http://a/d"],
        ["wscat", "-c", "ws://a/e", "-s", "b", "-s", "bearer", "-s", made],
    ]


def arguments_in_shell(line: str) -> list[str]:
    """Returns the arguments of curl or npx if a printed line is pasted into a shell where `fanroute` prints its own arguments."""
    programs = 'curl() { printf "%s\\n" "$@"; }; npx() { curl "$@"; }; fanroute() { printf "made by %s" "$*"; }; '
    command = ["sh", "-c", programs + line.partition(": ")[2]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_claims_of_a_printed_token_are_those_that_its_route_needs() -> None:
    """Also if it needs an issuer that another route does not have, and if its claims look like shell code."""
    routes = """
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
routes:
  - name: own
    match: {path: "/{tenant}/{room}", where: {room: "[0-9]+"}}
    auth:
      keys: {algorithm: HS256, secret_store: a, name: b}
      issuer: here
      claims:
        tenant: "{tenant}"
        role: ["it's $(id)", admin]
        x: {pattern: "[$]+"}
        email: {present: true}
        banned: {present: false}
      channels: rooms
    sse: {channel: "{claim.sub}:{tenant}:{room}"}
  - {name: other, match: {path: /}, auth: {keys: {algorithm: HS256, secret_store: a, name: b}}, sse: {channel: "{claim.sub}"}}
"""
    compiled = compile_routes(routes.encode(), INPUTS)
    lines = shown(compiled, EdgeUrls("http://a", "http://b/publish/"))
    _, _, header, _ = arguments_in_shell(lines[1])
    command, _, claims = header.partition(" --claims ")
    assert command == "Authorization: Bearer made by token --route own"
    wanted = {"sub": "sub", "tenant": "tenant", "role": "it's $(id)", "x": "$", "email": "x"}
    assert json.loads(claims) == wanted | {"rooms": ["sub:tenant:0"]}
    assert "  fanroute publish sub:tenant:0 hello" in lines


def test_publishing_is_shown_as_a_command() -> None:
    urls = EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/")
    lines = [*serve_lines(COMPILED, "embedded", urls, {}, "/a b/fanroute", " --routes x.yaml")]
    assert lines[-4] == "Publish to http://127.0.0.1:2/publish/ in another terminal:"
    assert shlex.split(lines[-3]) == ["/a", "b/fanroute", "publish", "--routes", "x.yaml", "it's", "hello"]
    compiled = compile_routes(ROUTES.replace(b'"it\'s"', b"--help"), INPUTS)
    assert "  fanroute publish -- --help hello" in shown(compiled, urls)


@pytest.mark.parametrize(
    ("actions", "channels"),
    [
        (["stream: {channel: a}"], ["a"]),
        (["stream: {channel: a}", "sse: {channel: a}"], ["a"]),
        (["sse: {channel: b}", "stream: {channel: a}", "sse: {channel: c}"], ["b", "a"]),
        (["stream: {channel: a, content_type: text/event-stream}", "sse: {channel: b}"], ["a"]),
        (["long_poll: {channel: a}", "websocket: {channel: b}", "sse: {channel: a}"], ["a", "b"]),
        (["handoff: origin"], ["test"]),
    ],
)
def test_each_kind_of_endpoint_is_published_to(actions: list[str], channels: list[str]) -> None:
    routes = "version: 1\nservice: {name: a}\nbackends: {origin: {url: https://a.example.com}, self: {loopback: true}}\nroutes:\n"
    routes += "".join(f"  - {{match: {{path: /{number}}}, {action}}}\n" for number, action in enumerate(actions))
    lines = shown(compile_routes(routes.encode(), INPUTS), EdgeUrls("http://a", "http://b/publish/"))
    assert [line for line in lines if " publish " in line] == [f"  fanroute publish {channel} hello" for channel in channels]


def test_the_first_publish_names_the_domain() -> None:
    told = list(publish_lines(COMPILED, "", Path()))
    assert told == ["Publish, the first time: fastly compute publish --domain my-chat.edgecompute.app"]
    assert list(publish_lines(COMPILED, "abc", Path())) == ["Publish (service abc): fastly compute publish"]


@pytest.mark.parametrize("service", ["", "abc"])
def test_what_is_printed_publishes_from_the_current_folder(service: str, tmp_path: Path) -> None:
    """Tests that each command runs in the service's folder, wherever that is."""
    folder = Path("it's a/b")
    (tmp_path / folder).mkdir(parents=True)
    fastly = tmp_path / "fastly"
    fastly.write_text("#!/bin/sh\npwd\n")
    fastly.chmod(0o755)
    compiled = compile_routes(ROUTES.replace(b"handoff: origin}", b"tunnel: origin}"), INPUTS)
    for line in publish_lines(compiled, service, folder):
        command = ["sh", "-c", line.partition(": ")[2]]
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, check=True)
        assert done.stdout == f"{tmp_path / folder}\n"


def test_tunnels_need_websockets() -> None:
    compiled = compile_routes(ROUTES.replace(b"handoff: origin}", b"tunnel: origin}"), INPUTS)
    assert list(publish_lines(compiled, "abc", Path()))[1].endswith(
        "to be enabled on the service once: fastly products --enable=websockets"
    )
    lines = shown(compiled, EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/"))
    assert "  rest: npx wscat -c ws://127.0.0.1:1/a/x" in lines


def test_limits_need_a_product_that_no_command_enables() -> None:
    compiled = compile_routes(ROUTES.replace(b"handoff: origin}", b"limit: {rate: 10/s}, handoff: origin}"), INPUTS)
    for service in ("", "abc"):
        told = list(publish_lines(compiled, service, Path()))
        assert (
            told[1] == "Its limits need Edge Rate Limiting, which no command enables: ask Fastly (docs/language/rate-limits.md)"
        )


def test_no_command_for_an_environment_changes_production() -> None:
    """Before the first publish, only the Fastly CLI's `compute` finds the service of an environment."""
    routes = ROUTES.replace(b"handoff: origin}", b"forward: origin}").replace(b"{url:", b"{first_byte_timeout: 2m, url:", 1)
    compiled = compile_routes(routes, INPUTS)
    *_, first = publish_lines(compiled, "", Path(), " --env staging")
    assert first == "After that, build again: it then prints the commands that set the options of 'origin'"
    *_, again = publish_lines(compiled, "abc", Path(), " --env staging")
    assert again.count("--service-id abc") == 2


@pytest.mark.parametrize("service", ["", "abc"])
def test_options_of_a_backend_are_set_with_a_command(service: str) -> None:
    options = b"first_byte_timeout: 2m, connect_timeout: 5s, override_host: a.example.com, certificate_host: b.example.com, "
    routes = ROUTES.replace(b"handoff: origin}", b"forward: origin}").replace(b"{url:", b"{" + options + b"url:", 1)
    *_, line = publish_lines(compile_routes(routes, INPUTS), service, Path())
    assert line == (
        "After that, once and after each change, set the options of the backend 'origin': "
        "fastly service backend update --version latest --autoclone --name origin --connect-timeout 5000 "
        "--first-byte-timeout 120000 --override-host a.example.com --ssl-cert-hostname b.example.com "
        "&& fastly service version activate --version latest"
    )


@pytest.mark.parametrize("method", ["`id`", "X|id&X", "#", "!!", "GET"])
def test_a_method_is_no_shell_code(method: str) -> None:
    routes = ROUTES.replace(b"match: {path: /a/*}", f"match: {{path: /a, method: {json.dumps(method)}}}".encode())
    lines = shown(compile_routes(routes, INPUTS), EdgeUrls("http://a", "http://b/publish/"))
    told = [] if method == "GET" else ["-X", method]
    assert shlex.split(lines[4], comments=True)[1:] == ["curl", *told, "http://a/a"]
    command = f"curl() {{ printf '%s\\n' \"$@\"; }}; {lines[4].partition(': ')[2]}"
    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert (printed.stdout.splitlines(), printed.stderr) == ([*told, "http://a/a"], "")


def test_a_services_id_is_no_shell_code() -> None:
    line, *_ = publish_lines(COMPILED, "a): `id`; echo $(id", Path())
    assert shlex.split(line)[1:4] == ["(service", "a): `id`; echo $(id):", "fastly"]


def test_examples_fit_the_patterns() -> None:
    """Tests that each printed request gets the route that it is shown for."""
    routes = (REPOSITORY / "tests" / "golden" / "cases" / "patterns" / "routes.yaml").read_bytes()
    compiled = compile_routes(routes, INPUTS)
    commands = requests(compiled, EdgeUrls("http://a", "http://b/publish/"))
    assert [command[1:] for command in commands] == [
        ["curl", "-N", "http://a/rooms/room/events"],
        ["curl", "http://a/files/folder/a.md/x"],
        ["curl", "-H", "x-client: 0", "-H", "x-tenant: acme", "http://a/?after=0&q=%27%3B+import+os+%23%22%7B%7Bx%7D%7D"],
    ]
    for name, *_, url in commands:
        headers = (("x-client", b"0"), ("x-tenant", b"acme"))
        assert trace(compiled.plan, "self", RequestData("GET", url, headers)).steps[-1] == Step(name.removesuffix(":"), ())


def test_a_port_that_is_not_free_is_told_with_the_one_that_is_used() -> None:
    urls = EdgeUrls("http://127.0.0.1:8001", "http://127.0.0.1:8002/publish/")
    assert list(changed_port_warnings(urls, (7676, 5561))) == [
        "the port 7676 is not free: using 8001 instead (--port chooses another)",
        "the publish port 5561 is not free: using 8002 instead (--publish-port chooses another)",
    ]
    assert list(changed_port_warnings(urls, (7676, 0), lambda port: f"process {port}")) == [
        "the port 7676 is taken by process 7676: using 8001 instead (--port chooses another)"
    ]
    assert list(changed_port_warnings(urls, (8001, 0))) == []
    assert list(changed_port_warnings(urls, (0, 8002))) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
def test_an_edge_that_others_can_use_is_warned_of(address: str) -> None:
    urls = EdgeUrls("http://127.0.0.1:7676", "http://127.0.0.1:5561/publish/")
    (warning,) = exposed_warnings(address, urls)
    assert warning == (
        f"--listen {address} opens this edge to other machines. Without a password, whoever reaches port 7676 can use your "
        "backends through it, and whoever reaches port 5561 can publish. Only the console stays on this machine"
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_one_that_only_this_machine_can_use_is_not(address: str) -> None:
    assert not list(exposed_warnings(address, EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/")))
