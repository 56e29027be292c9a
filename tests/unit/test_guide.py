"""What is printed can be pasted into a shell."""

import json
import shlex

from fanroute.guide import Urls, publish_command, publishing, serving
from fanroute.pipeline import compile_routes
from tests.conftest import SURROUNDINGS

ROUTES = b"""
version: 1
service: {name: My_Chat}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: socket, match: {host: "*.edgecompute.app", path: "/it's/$x"}, websocket: {channel: "it's"}}
  - {name: stream, match: {host: ["*.b.example.com", c.example.com]}, stream: {channel: x}}
  - {name: exact, match: {host: chat.edgecompute.app}, stream: {channel: x}}
  - {name: rest, match: {path: /a/*}, handoff: origin}
  - handoff: origin
"""
COMPILED = compile_routes(ROUTES, SURROUNDINGS)


def test_routes_are_shown_as_commands() -> None:
    lines = list(serving(COMPILED, "embedded", Urls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/")))
    assert [shlex.split(line) for line in lines[1:-1]] == [
        ["socket:", "npx", "wscat", "-c", "ws://127.0.0.1:1/it%27s/%24x", "-H", "Host: my-chat.edgecompute.app"],
        ["stream:", "curl", "-N", "-H", "Host: example.b.example.com", "http://127.0.0.1:1/"],
        ["exact:", "curl", "-N", "-H", "Host: chat.edgecompute.app", "http://127.0.0.1:1/"],
        ["rest:", "curl", "http://127.0.0.1:1/a/x"],
        ["route-5:", "curl", "http://127.0.0.1:1/"],
    ]


def test_publishing_is_shown_as_a_command() -> None:
    curl, option, body, url = shlex.split(publish_command("it's", "http://127.0.0.1:2/publish/"))
    assert (curl, option, url) == ("curl", "-d", "http://127.0.0.1:2/publish/")
    (item,) = json.loads(body)["items"]
    assert item["channel"] == "it's"
    assert set(item["formats"]) == {"http-stream", "http-response", "ws-message"}


def test_the_first_publish_names_the_domain() -> None:
    assert list(publishing(COMPILED, "")) == ["Publish, the first time: fastly compute publish --domain my-chat.edgecompute.app"]
    assert list(publishing(COMPILED, "abc")) == ["Publish: fastly compute publish (service abc)"]
