"""Tests `fanroute publish` against an API of our own, and the ways in which it fails. tests/e2e has it with local edges."""

import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fanroute.cli import main
from fanroute.client import publishing
from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import FoundEdge, announce
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY
from tests.support.scripted import Answer, Scripted, hung_up, scripted

TOKEN = "s3cret-t0ken"
SERVICE = "7i6HN3TK9wS159v2gPAZ8A"
PUBLISHED: Answer = (200, {}, b"Published\n")
ROUTES = """
version: 1
service: {name: chat}
backends: {self: {loopback: true}}
routes:
  - {match: {path: "/events/{room}"}, sse: {channel: "room-{room}"}}
  - {match: {path: "/socket/{room}"}, websocket: {channel: "room-{room}"}}
  - {match: {path: /lines}, stream: {channel: lines}}
  - {match: {path: /poll}, long_poll: {channel: polled}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Makes the current folder one with ROUTES, whose user has no token, and lets no attempt wait for long."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FASTLY_API_TOKEN", raising=False)
    monkeypatch.delenv("FASTLY_API_ENDPOINT", raising=False)
    monkeypatch.setattr(publishing, "RETRY_DELAYS", (0.01, 0.02))
    yield tmp_path


def publish(*arguments: str, input: bytes | None = None, **environment: str | None) -> Result:
    done = CliRunner().invoke(main, ["publish", *arguments], input=input, env=environment)
    assert TOKEN not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def to_fastly(api: Scripted, *arguments: str, **environment: str) -> Result:
    environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": api.url} | environment
    return publish(*arguments, "--service", SERVICE, **environment)


def items(server: Scripted) -> list[Any]:
    """Returns the item of each publish request."""
    return [item for request in server.seen for item in json.loads(request.body)["items"]]


def test_a_message_goes_to_the_service_with_the_token() -> None:
    with scripted(PUBLISHED) as api:
        done = to_fastly(api, "room-blue", "hello")
    (request,) = api.seen
    assert (request.method, request.path) == ("POST", f"/service/{SERVICE}/publish/")
    assert request.headers["fastly-key"] == TOKEN
    assert items(api) == [
        {"channel": "room-blue", "formats": {"http-stream": {"content": "data: hello\n\n"}, "ws-message": {"content": "hello"}}}
    ]
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"Published on room-blue at the service {SERVICE} at {api.url}: http-stream (an event), ws-message\n"


def test_the_clis_profile_has_the_token(folder: Path) -> None:
    (folder / "config/fastly").mkdir(parents=True)
    (folder / "config/fastly/config.toml").write_text(f'[profile.ann]\ndefault = true\ntoken = "{TOKEN}"\n')
    with scripted(PUBLISHED, (401, {}, b"")) as api:
        assert to_fastly(api, "room-blue", "hello", FASTLY_API_TOKEN="").exit_code == 0
        refused = to_fastly(api, "room-blue", "hello", FASTLY_API_TOKEN="")
    assert [request.headers["fastly-key"] for request in api.seen] == [TOKEN, TOKEN]
    assert "does not accept the token of the Fastly CLI's profile 'ann'" in refused.stderr


def test_without_a_token_nothing_is_sent() -> None:
    with scripted(PUBLISHED) as api:
        done = to_fastly(api, "room-blue", "hello", FASTLY_API_TOKEN="")
    assert (done.exit_code, api.seen) == (1, [])
    assert done.stderr == "error: there is no token for Fastly's API: set FASTLY_API_TOKEN, or log in with the Fastly CLI\n"


REFUSALS = {
    401: "error: 401: Fastly does not accept the token of FASTLY_API_TOKEN: it is wrong, expired or revoked",
    403: f"error: 403: the token of FASTLY_API_TOKEN may not publish to the service {SERVICE}: it needs the role Engineer",
    404: f"error: 404: Fastly has no service {SERVICE} that publishes: see service_id in fastly.toml",
    413: "error: 413: the message is too long for Fastly",
    302: "error: 302: Fastly does not publish it",
    400: "error: 400: Fastly does not publish it",
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_is_explained_and_not_repeated(status: int) -> None:
    said = json.dumps({"msg": "No", "detail": f"not with {TOKEN}\x1b[2J"}).encode()
    with scripted((status, {"Location": "/other"}, said)) as api:
        done = to_fastly(api, "room-blue", "hello", "--id", "7")
    assert (done.exit_code, done.stdout, len(api.seen)) == (1, "", 1)
    assert done.stderr.startswith(REFUSALS[status])
    assert done.stderr.endswith(" (No: not with …\\x1b[2J)\n")


@pytest.mark.parametrize("status", [429, 503])
def test_what_was_certainly_not_published_is_sent_again(status: int) -> None:
    with scripted((status, {}, b""), (status, {}, b""), PUBLISHED) as api:
        done = to_fastly(api, "room-blue", "hello")
    assert (done.exit_code, len(api.seen)) == (0, 3)
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{status}: ") and first.endswith(": trying again in 0.01 s")
    assert second.endswith(": trying again in 0.02 s")
    with scripted((status, {}, b"")) as api:
        done = to_fastly(api, "room-blue", "hello")
    assert (done.exit_code, len(api.seen)) == (1, 3)
    assert "not known" not in done.stderr


@pytest.mark.parametrize("failure", [(500, {}, b""), (502, {}, b""), (504, {}, b""), hung_up])
def test_what_may_have_been_published_is_sent_again_only_with_an_id(failure: Answer) -> None:
    with scripted(failure, PUBLISHED) as api:
        done = to_fastly(api, "room-blue", "hello")
    assert (done.exit_code, len(api.seen)) == (1, 1)
    assert done.stderr.endswith(
        "It is not known if the message was published. Only with --id would it be sent again, with the same id\n"
    )
    with scripted(failure, PUBLISHED) as api:
        done = to_fastly(api, "room-blue", "hello", "--id", "7")
    assert (done.exit_code, len(api.seen)) == (0, 2)
    assert done.stderr.endswith(": trying again in 0.01 s with the same id\n")
    assert items(api)[0] == items(api)[1] and items(api)[0]["id"] == "7"


def test_a_time_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "ANSWER_TIMEOUT", 0.2)
    with scripted(lambda handler: time.sleep(1)) as api:
        done = to_fastly(api, "room-blue", "hello")
    assert (done.exit_code, len(api.seen)) == (1, 1)
    assert done.stderr.startswith(f"error: {api.url} gives no answer within 0.2 s. It is not known")


def test_the_api_says_how_long_to_wait() -> None:
    with scripted((429, {"Retry-After": "1"}, b""), PUBLISHED) as api:
        started = time.monotonic()
        done = to_fastly(api, "room-blue", "hello")
    assert (done.exit_code, len(api.seen), time.monotonic() - started >= 1) == (0, 2, True)
    assert "has made too many requests; more are accepted in 1 s: trying again in 1 s" in done.stderr
    for headers in ({"Retry-After": "3600"}, {"Fastly-RateLimit-Reset": str(round(time.time()) + 3600)}):
        with scripted((429, headers, b"")) as api:
            done = to_fastly(api, "room-blue", "hello")
        assert (done.exit_code, len(api.seen)) == (1, 1)
        assert "more are accepted in 3" in done.stderr


def test_an_api_that_cannot_be_reached_is_told() -> None:
    with scripted(PUBLISHED) as api:
        pass
    done = to_fastly(api, "room-blue", "hello")
    assert done.exit_code == 1
    assert done.stderr.count(f"{api.url} cannot be reached") == 3


UNSAFE = ["http://api.example.com", "api.example.com", "ftp://localhost", "https://", "http://[", "//x", "https://127.0.0.1:abc"]
UNSAFE += ["https://127.0.0.1:1/\x01", "https://xn--.", "https://a..b", "https://127.0.0.1:99999", "https://me:pw@127.0.0.1"]
UNSAFE += ["https://127.0.0.1/?a=b", "https://127.0.0.1/#a", "http://localhost@api.example.com", "https://[::::]"]


@pytest.mark.parametrize("endpoint", UNSAFE)
def test_the_token_is_sent_to_no_other_place(endpoint: str) -> None:
    done = publish("room-blue", "hello", "--service", SERVICE, FASTLY_API_TOKEN=TOKEN, FASTLY_API_ENDPOINT=endpoint)
    assert (done.exit_code, done.stderr) == (
        1,
        "error: FASTLY_API_ENDPOINT is not https://HOST, perhaps with a port and a path, so the token is not sent there\n",
    )


def test_no_proxy_gets_the_token_in_clear_text() -> None:
    with scripted(PUBLISHED) as proxy, scripted(PUBLISHED) as api:
        names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy")
        done = to_fastly(api, "room-blue", "hello", **dict.fromkeys(names, proxy.url), NO_PROXY="", no_proxy="")
    assert (done.exit_code, len(api.seen), proxy.seen) == (0, 1, [])


# Without a value, the variable is not there.
NO_PROXIES = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"))


def test_a_proxy_carries_a_tunnel_in_which_it_reads_nothing() -> None:
    """Tests a company's proxy, which learns only the host, also if it refuses."""
    tunnels: list[str] = []

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        tunnels.append(f"{handler.requestline} {handler.headers}")
        handler.send_error(407)

    with scripted(refuse) as proxy:
        environment = NO_PROXIES | {
            "HTTPS_PROXY": proxy.url.replace("//", "//me:s3cret@"),
            "FASTLY_API_ENDPOINT": "https://api.test",
        }
        done = publish("room-blue", "hi", "--service", SERVICE, FASTLY_API_TOKEN=TOKEN, **environment)
        assert (done.exit_code, len(tunnels)) == (1, 3)
        assert all(one.startswith("CONNECT api.test:443 ") and TOKEN not in one for one in tunnels)
        told = "error: https://api.test cannot be reached through the proxy of HTTPS_PROXY: 407"
        assert told in done.stderr and "not known" not in done.stderr and "s3cret" not in done.stderr
        done = publish("room-blue", "hi", "--service", SERVICE, FASTLY_API_TOKEN=TOKEN, **environment | {"NO_PROXY": "api.test"})
        assert len(tunnels) == 3 and "cannot be reached: " in done.stderr


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "foo:bar", "http://", "http://a..b:1", "http://me:s3cret@x:99999"])
def test_a_proxy_that_cannot_be_used_is_told(variable: str, proxy: str) -> None:
    environment = NO_PROXIES | {variable: proxy}
    done = publish("room-blue", "hi", "--service", SERVICE, FASTLY_API_TOKEN=TOKEN, **environment)
    assert (done.exit_code, done.stderr) == (
        1,
        f"error: the proxy of {variable} cannot be used: write http://HOST:PORT there, or name the API's host in NO_PROXY\n",
    )


def test_certificates_that_cannot_be_read_are_told(folder: Path) -> None:
    for variable, path in (("SSL_CERT_FILE", "missing"), ("SSL_CERT_FILE", "routes.yaml")):
        environment = NO_PROXIES | {variable: str(folder / path)}
        done = publish("room-blue", "hi", "--service", SERVICE, FASTLY_API_TOKEN=TOKEN, **environment)
        assert (done.exit_code, done.stderr) == (
            1,
            "error: the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read\n",
        )


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Sends a byte now and then, so that no single read takes long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    with suppress(OSError):
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    handler.close_connection = True
    with suppress(OSError):
        for _ in range(100):
            handler.wfile.write(b" " * (1 << 20))


BOMB = gzip.compress(bytes(50 << 20))
HOSTILE: dict[str, tuple[Answer, str]] = {
    "a drip": (dripping, "gives no answer within 1 s"),
    "an endless answer": (endless, "has more than 4194304 bytes"),
    "another alphabet": ((400, {"Content-Type": "text/plain; charset=base64"}, b"no"), "400: "),
    "a bomb": ((400, {"Content-Encoding": "gzip"}, BOMB), "400: "),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_has_limits(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(publishing, "ANSWER_TIMEOUT", 1.0)
    answer, told = HOSTILE[kind]
    with scripted(answer) as server, announce(Workspace(folder / "routes.yaml"), EdgeUrls("", f"{server.url}/"), {}):
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        done = to_fastly(server, "room-blue", "hello")
        local = publish("room-blue", "hello")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KB
    assert (done.exit_code, local.exit_code, len(server.seen)) == (1, 1, 2)
    assert told in done.stderr and told.strip(": ") in local.stderr
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("page", [{"Content-Type": "text/html"}, {"Content-Type": "text/plain"}, {}])
def test_a_page_is_no_answer_of_fastly(page: dict[str, str]) -> None:
    """Tests the login page of a network, or of a proxy."""
    with scripted((200, page, b"\n<html>Log in")) as server:
        done = to_fastly(server, "room-blue", "hello", "--id", "7")
    assert (done.exit_code, done.stdout, len(server.seen)) == (1, "", 1)
    assert f"error: {server.url} is not Fastly's API, or something on the way answers in its place" in done.stderr


def test_the_limit_is_checked_before_anything_is_sent() -> None:
    with scripted(PUBLISHED) as api:
        longest = 65_536 - len(json.dumps({"items": [{"channel": "lines", "formats": {"http-stream": {"content": "\n"}}}]}))
        assert to_fastly(api, "lines", "x" * longest).exit_code == 0
        assert len(api.seen[0].body) == 65_536
        done = to_fastly(api, "lines", "x" * (longest + 1))
    assert (done.exit_code, len(api.seen)) == (1, 1)
    assert done.stderr == "error: the message is too long: the publish request would have 65,537 bytes, and Fastly takes 65,536\n"


@pytest.mark.parametrize(
    ("arguments", "formats"),
    [
        (["lines", "hi"], {"http-stream": {"content": "hi\n"}}),
        (["polled", "hi"], {"http-response": {"body": "hi\n"}}),
        (["polled", "hi", "--ws"], {"ws-message": {"content": "hi"}}),
        (["lines", "hi", "--sse"], {"http-stream": {"content": "data: hi\n\n"}}),
        (["room-x", "hi", "--event", "e", "--id", "7"], None),
        (["lines", "hi", "--all"], {"http-stream": {"content": "hi\n"}}),
        (["room-x", "--close"], {"http-stream": {"action": "close"}, "ws-message": {"action": "close"}}),
        (
            ["polled", '{"a":  1.10}', "--json"],
            {"http-response": {"headers": {"Content-Type": "application/json"}, "body": '{"a":  1.10}\n'}},
        ),
        (["lines", "[1,\n 2]", "--json"], {"http-stream": {"content": "[1, 2]\n"}}),
        (["lines", f"[1e999,\r\n 1.10, {'9' * 5000}]", "--json"], {"http-stream": {"content": f"[1e999, 1.10, {'9' * 5000}]\n"}}),
    ],
)
def test_a_channel_has_the_formats_of_its_routes(arguments: list[str], formats: dict[str, Any] | None) -> None:
    with scripted(PUBLISHED) as api:
        done = to_fastly(api, *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    (item,) = items(api)
    if formats is None:
        formats = {"http-stream": {"content": "event: e\nid: 7\ndata: hi\n\n"}, "ws-message": {"content": "hi"}}
        assert item["id"] == "7"
    if "--all" in arguments:
        formats = formats | {"http-response": {"body": "hi\n"}, "ws-message": {"content": "hi"}}
    assert item["formats"] == formats


def test_a_message_can_come_from_standard_input() -> None:
    command = [sys.executable, "-P", "-m", "fanroute", "publish", "room-blue", "-", "--ws", "--service", SERVICE]
    with scripted(PUBLISHED) as api:
        environment = os.environ | {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": api.url}
        for text in (b"one\ntwo\n", b"one\ntwo", "é\r\n".encode(), b""):
            subprocess.run(command, input=text, env=environment, check=True, capture_output=True)
        done = subprocess.run(command, input=b"\xff", env=environment, check=False, capture_output=True)
    assert [item["formats"]["ws-message"]["content"] for item in items(api)] == ["one\ntwo", "one\ntwo", "é", ""]
    assert done.returncode == 2
    assert b"standard input is not UTF-8 text" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["room-x"], "write a MESSAGE, or - to read it from standard input"),
        (["room-x", "hi", "--close"], "--close needs no MESSAGE"),
        (["polled", "--close"], "only streams and WebSockets can be closed"),
        (["room-x", "hi", "--sse", "--stream"], "--sse and --stream exclude each other"),
        (["room-x", "hi", "--all", "--ws"], "--all stands for all formats"),
        (["lines", "hi", "--event", "e"], "--event is for server-sent events"),
        (["room-x", "hi", "--event", "e\nid: 7"], "it must be one line"),
        (["room-x", "hi", "--id", "a\0"], "it must be one line"),
        (["room-x", "{", "--json"], "it is not JSON"),
        (["room-x", "NaN", "--json"], "it is not JSON"),
        (["room-x", "[" * 100_000, "--json"], "it is not JSON"),
        (["room-x", "\udcff"], "the arguments must be UTF-8"),
        (["room-x", "hi", "--service", "../x"], "a service's id has only letters and digits"),
        (["room-x", "hi", "--service", "x", "--local"], "--local and --service exclude each other"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], told: str) -> None:
    done = publish(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in " ".join(done.stderr.split()).replace("│ ", "")


def test_an_unknown_channel_is_published_with_a_warning(folder: Path) -> None:
    with scripted(PUBLISHED) as api:
        done = to_fastly(api, "line", "hi")
        assert done.exit_code == 0
        assert (
            done.stderr
            == "warning: no route has the channel 'line'; did you mean 'lines'? channels: room-{room}, lines, polled\n"
        )
        (folder / "routes.yaml").write_text("nonsense: [")
        done = to_fastly(api, "line", "hi")
        assert done.stderr == "warning: routes.yaml is not used, because it has errors: `fanroute check` shows them\n"
        (folder / "routes.yaml").unlink()
        assert to_fastly(api, "line", "hi").stderr == ""
    for item in items(api):
        assert set(item["formats"]) == {"http-stream", "http-response", "ws-message"}


def test_no_local_edge_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(PUBLISHED) as closed:
        pass
    with announce(Workspace(folder / "routes.yaml"), EdgeUrls(closed.url, f"{closed.url}/publish/"), {}):
        done = publish("room-x", "hi")
    assert (done.exit_code, done.stderr) == (
        1,
        f"error: no local edge runs at {closed.url}/publish/: start one with `fanroute serve`\n",
    )


OTHERS: dict[str, Answer] = {
    "another page": (200, {}, b"<html>"),
    "not found": (404, {}, b"no"),
    "an error": (500, {}, b"Published\n"),
    "a redirect": (302, {"Location": "http://evil.example.com/"}, b""),
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_program_on_the_port_is_noticed(folder: Path, other: str) -> None:
    with scripted(OTHERS[other]) as server, announce(Workspace(folder / "routes.yaml"), EdgeUrls("", f"{server.url}/"), {}):
        done = publish("room-x", "hi", FASTLY_API_TOKEN=TOKEN)
    assert done.exit_code == 1
    assert f"error: {server.url}/ is no publish endpoint: another program listens there, and answers" in done.stderr
    assert "fastly-key" not in server.seen[0].headers


def test_a_local_refusal_is_told(folder: Path) -> None:
    refusal: Answer = (403, {}, b"The Host 'x' is not this machine\nmore")
    with scripted(refusal) as server, announce(Workspace(folder / "routes.yaml"), EdgeUrls("", f"{server.url}/"), {}):
        done = publish("room-x", "hi")
    assert done.stderr == f"error: {server.url}/ refuses the message with 403: The Host 'x' is not this machine\n"


def test_no_proxy_is_used_for_this_machine(folder: Path) -> None:
    with scripted(PUBLISHED) as server, announce(Workspace(folder / "routes.yaml"), EdgeUrls("", f"{server.url}/"), {}):
        done = publish("room-x", "hi", HTTP_PROXY="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1", NO_PROXY="", no_proxy="")
    assert (done.exit_code, len(server.seen)) == (0, 1)


def test_the_usual_port_is_tried_with_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(PUBLISHED) as server:
        monkeypatch.setattr(FoundEdge.__init__, "__defaults__", ("", f"{server.url}/", None, False, False))
        done = publish("lines", "hi")
    assert (done.exit_code, len(server.seen)) == (0, 1)
    assert done.stderr == "No `fanroute serve` runs for routes.yaml: trying the usual ports\n"


def test_a_file_that_was_left_behind_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "build").mkdir()
    with scripted(PUBLISHED) as server:
        (folder / "build/serving.json").write_text(json.dumps({"edge": "", "publish": f"{server.url}/", "hosts": {}}))
        usual = ("", "http://127.0.0.1:1/", None, False, False)
        monkeypatch.setattr(FoundEdge.__init__, "__defaults__", usual)
        done = publish("room-x", "hi")
    assert server.seen == []
    assert done.stderr.splitlines() == [
        "The local edge that wrote build/serving.json has ended: trying the usual ports",
        "error: no local edge runs at http://127.0.0.1:1/: start one with `fanroute serve`",
    ]


def test_the_repositorys_routes_are_known() -> None:
    with scripted(PUBLISHED) as api:
        done = to_fastly(api, "test", "hello", "--routes", str(REPOSITORY / "routes.yaml"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert set(items(api)[0]["formats"]) == {"http-stream", "http-response", "ws-message"}
