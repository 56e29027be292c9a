"""Tests what `fanroute check` says about usual mistakes: once, at their place, and with what to write instead."""

import pytest

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.pipeline import check_routes
from fanroute.spec.inputs import Inputs

BEGIN = "version: 1\nservice: {name: chat}\n"
HEAD = BEGIN + "backends:\n  origin: {url: https://app.example.com}\n  self: {loopback: true}\nroutes:\n"
REST = "  - match: {path: /a}\n    forward: origin\n"
ROOM = HEAD + '  - match: {path: "/rooms/{room}", where: {room: "[a-z]+"}}\n    public: true\n    '
STAGING = "environments:\n  staging:\n    service: {name: chat-staging}\n    "


def told(text: str) -> list[Diagnostic]:
    try:
        return list(check_routes(text.encode(), Inputs()).diagnostics)
    except Invalid as invalid:
        return invalid.diagnostics


def the_only(text: str) -> Diagnostic:
    (found,) = told(text)
    return found


def backend(keys: str) -> str:
    return f"{BEGIN}backends:\n  origin: {{url: https://app.example.com, {keys}}}\nroutes:\n{REST}"


def route(keys: str) -> str:
    return f"{HEAD}  - match: {{path: /a}}\n    {keys}\n"


@pytest.mark.parametrize(
    ("given", "suggestion"),
    [
        ("1h30m", "as one number and its unit it is '90m', but write at least 1s and at most 60m"),
        ("PT1M30S", "write '90s': a duration is one number and 's', 'm' or 'h'"),
        ("1.5m", "write '90s': a duration is one number and 's', 'm' or 'h'"),
        ("1500ms", "write '2s': a duration is one number and 's', 'm' or 'h'"),
        ("120", "write '2m': a duration is one number and 's', 'm' or 'h'"),
        ("30 seconds", "write '30s': a duration is one number and 's', 'm' or 'h'"),
        ("1h30", "write seconds, minutes or hours, such as '25s', '2m' or '1h'"),
        ("0.0s", "write seconds, minutes or hours, such as '25s', '2m' or '1h'"),
    ],
)
def test_a_duration_in_another_form_is_told_in_ours(given: str, suggestion: str) -> None:
    found = the_only(backend(f"first_byte_timeout: {given}"))
    assert (found.message, found.suggestion) == (f"'{given}' is not a duration", suggestion)


@pytest.mark.parametrize("given", ["false", "true", "[pass]", "{a: 1}", "[a, {b: false}]", '["a, b", "", "1"]'])
@pytest.mark.parametrize("key", ["first_byte_timeout: ", "loopback: ", "url: "])
def test_values_are_told_as_yaml_has_them(given: str, key: str) -> None:
    for found in told(backend(key + given).replace("url: https://app.example.com, ", "" if "url" in key else "url: https://a, ")):
        for text in (found.message, found.suggestion):
            assert "True" not in text and "False" not in text and "['" not in text and "{'" not in text
        if "first_byte" in key:
            assert found.message == f"'{given}' is not a duration"


@pytest.mark.parametrize(
    ("keys", "suggestion"),
    [
        ("redirect: {to: /x}", "did you mean 'location'?"),
        ("redirect: {url: https://www.example.com/}", "did you mean 'location'?"),
        ("redirect: {location: /x, code: 301}", "did you mean 'status'?"),
        ("redirect: [/x]", 'write redirect: {location: "/x"}'),
        ("redirect: true", "write a mapping, such as redirect: {host: www.example.com, status: 308}"),
        ("redirect: www.example.com", "write 'https://www.example.com'"),
        ("redirect: x", "write '/x'"),
        ("redirect: {host: https://www.example.com}", "did you mean 'www.example.com'?"),
        ("redirect: {host: www.example.com, scheme: wss}", "write 'http' or 'https'"),
        ("forward: {backend: origin, rewrite: {prefix: /a}}", "did you mean 'strip_prefix'?"),
        ("forward: {backend: origin, rewrite: {replace: /a}}", "did you mean 'path'?"),
        (
            "forward: {backend: origin, rewrite: /a}",
            'write rewrite with one of {strip_prefix: "/a"}, {add_prefix: "/a"} and {path: "/a"}',
        ),
        ("forward: {backend: origin, rewrite: true}", "write a mapping, such as rewrite: {strip_prefix: /api, add_prefix: /v2}"),
        ("forward: {backend: origin, first_byte_timeout: 5s}", "it belongs in 'backends.NAME'"),
        ("forward: https://api.example.com", "name it under 'backends', as in 'origin: {url: https://api.example.com}'"),
        (
            "handoff: {backend: api.example.com:8080}",
            "name it under 'backends', as in 'origin: {url: https://api.example.com:8080}'",
        ),
        ("sse: {topic: news}", "did you mean 'channel'?"),
        ("sse: {channel: news, heartbeat: 20s}", "did you mean 'keep_alive'?"),
        ("eventsource: {channel: news}", "did you mean 'sse'?"),
        ("ws: {channel: news}", "did you mean 'websocket'?"),
        ("longpoll: {channel: news}", "did you mean 'long_poll'?"),
        ("upstream: origin", "did you mean 'forward'?"),
        ("endpoint: origin", "did you mean 'forward'?"),
        ("respond: {status: 0204}", "write status: 204, in decimal digits and without quotes"),
        ("respond: {status: 2e2}", "write status: 200, in decimal digits and without quotes"),
        ("websocket: {channel: news, echo: yes}", "write echo: true"),
    ],
)
def test_one_mistake_is_told_once_with_its_correction(keys: str, suggestion: str) -> None:
    found = the_only(route(keys))
    assert found.suggestion.startswith(suggestion)


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("broadcast", "a route publishes what its clients send by"),
        ("handler", "the key is the action itself"),
        ("subscribe", "it is called 'channel' here, and belongs in 'routes.stream'"),
        ("room", "it is called 'channel' here, and belongs in 'routes.stream'"),
        ("url", "it belongs in 'backends.NAME'"),
        ("channel", "it belongs in 'routes.stream'"),
        ("middleware", "there is none"),
        ("timeout", "a backend has connect_timeout"),
        ("location", "it belongs in 'routes.redirect'"),
        ("cache", "write it under 'forward'"),
        ("rewrite", "write it under 'forward'"),
        ("priority", "the first route that matches"),
        ("tls", "domains, ports and certificates"),
        ("description", "write a comment instead"),
        ("for\u200bward", "write 'forward' without the character '\\u200b'"),
    ],
)
def test_a_key_of_another_tool_or_place_is_known(key: str, suggestion: str) -> None:
    (found,) = (each for each in told(route(f"forward: origin\n    {key}: x")) if each.code == "FR201")
    assert found.suggestion.startswith(suggestion)


@pytest.mark.parametrize("path", ["no", "x", "''"])
def test_a_prefix_is_stripped_from_what_is_no_path(path: str) -> None:
    action = "forward: {backend: origin, rewrite: {strip_prefix: /a}}"
    assert the_only(f"{HEAD}  - match: {{path: {path}}}\n    {action}\n").code == "FR204"


@pytest.mark.parametrize("key", ["sse", "match", "forward"])
def test_a_key_of_a_route_beside_the_routes_is_found_there(key: str) -> None:
    (found,) = (each for each in told(HEAD + REST + f"{key}: x\n") if each.code == "FR201")
    assert found.suggestion == "it belongs in 'routes'"


@pytest.mark.parametrize(
    ("given", "suggestion"),
    [
        ("$ORIGIN", "write '${ORIGIN}' for a variable of the environment"),
        ('"{{ORIGIN}}"', "write '${ORIGIN}' for a variable of the environment"),
        ('"%ORIGIN%"', "write '${ORIGIN}' for a variable of the environment"),
        ("wss://a.example.com", "write https://a.example.com: a WebSocket begins with a request of HTTP"),
        ("ws://a.example.com:81", "write http://a.example.com:81: a WebSocket begins with a request of HTTP"),
        ("localhost:3000", "write http://localhost:3000"),
        ("a.example.com", "write https://a.example.com"),
        ("//a.example.com", "write https://a.example.com"),
        ("tcp://a", "write https://HOST or http://HOST, with :PORT if needed"),
        ("wss://a.example.com/secret", "write https://HOST or http://HOST, with :PORT if needed"),
    ],
)
def test_a_url_in_another_form_is_told_in_ours(given: str, suggestion: str) -> None:
    found = the_only(backend("").replace("https://app.example.com, ", given))
    assert (found.message, found.suggestion) == (f"""'{given.strip('"')}' is not the URL of a backend""", suggestion)


def test_no_suggestion_has_a_piece_of_a_variable() -> None:
    for value in ("secret.example:80x", "x.secret.example:0", "wss://a.secret.example/secret-path", "https://u@secret.example/x"):
        for key in ("url: ", "url: https://a.example.com, override_host: "):
            text = backend("").replace("url: https://app.example.com, ", key + '"${VALUE}"')
            found = check_routes(text.encode(), Inputs({"VALUE": value})).diagnostics
            assert [each.code for each in found] == ["FR204"]
            assert "secret" not in found[0].message + found[0].suggestion


@pytest.mark.parametrize("given", ["'*.'", "'*.example.com'", "'*'", "''", "[a.example.com]"])
def test_one_host_is_not_told_of_other_forms(given: str) -> None:
    found = the_only(backend(f"override_host: {given}"))
    assert "'*.'" not in found.suggestion and "any host" not in found.suggestion and found.suggestion


@pytest.mark.parametrize(
    ("given", "meant"),
    [("{{room}}", "{room}"), ("{{ room }}", "{room}"), ("${ROOM}", "{room}"), ("{params.room}", "{room}"), ("{Room}", "{room}")],
)
def test_a_reference_in_another_form_is_told_in_ours(given: str, meant: str) -> None:
    found = the_only(f'{ROOM}sse: {{channel: "{given}"}}\n')
    assert found.suggestion == f"write '{meant}' in place of '{given}'"


@pytest.mark.parametrize("given", ["$room", ":room", "<room>", "[room]", "%room%", "room-%room%", "room-%ROOM%"])
def test_a_placeholder_in_a_channel_is_told(given: str) -> None:
    assert the_only(f'{ROOM}sse: {{channel: "{given}"}}\n').suggestion == "write '{room}'"


@pytest.mark.parametrize(
    ("lines", "place", "message", "suggestion"),
    [
        ("  -match: {path: /a}\n   forward: origin\n", (7, 3), "a space is missing after '-'", "write - match: {path: /a}"),
        ("  -name: a\n   forward: origin\n  -name: b\n", (7, 3), "a space is missing after '-'", "write - name: a"),
        ("  - forward:origin\n    name: a\n", (7, 12), "a space is missing after ':'", "write - forward: origin"),
        ('  - match: {path: "/a"b}\n', (7, 22), 'there is text after the closing "', 'write - match: {path: "/ab"}'),
        ("  - match:\n      path: '/a'/b\n", (8, 16), "there is text after the closing '", 'write path: "/a/b"'),
        (
            "  - respond: {status: 200, body: 'it's down'}\n",
            (7, 34),
            "the text has a ' within it, which ends it",
            'write - respond: {status: 200, body: "it\'s down"}',
        ),
        ("  -\tforward: origin\n", (7, 4), "a tab, where only spaces may be", "write - forward: origin"),
        ("  - forward:\torigin\n", (7, 13), "a tab, where only spaces may be", "write - forward: origin"),
        ("  - forward: origin\t\n", (7, 20), "a tab at the end of the line", "write - forward: origin"),
        ("  - match: {path: /a}\n\tforward: origin\n", (8, 1), "a tab in the indentation", "indent with spaces"),
        (
            "  - match: {path: [/a/{x}, /b/{x}]}\n    forward: origin\n",
            (7, 20),
            "'/a/{x}' must be quoted: in YAML, a mapping begins with '{'",
            'write - match: {path: ["/a/{x}", "/b/{x}"]}',
        ),
    ],
)
def test_a_trap_of_yaml_is_told_with_the_mended_line(lines: str, place: tuple[int, int], message: str, suggestion: str) -> None:
    found = the_only(HEAD + lines)
    assert (found.code, found.message, found.suggestion) == ("FR103", message, suggestion)
    assert (found.span.line, found.span.column) == place


@pytest.mark.parametrize(
    ("lines", "message", "suggestion"),
    [
        ("    <<: {forward: origin}\n", "merge keys are not supported: '<<'", "write its keys here, without it"),
        ("    forward: !!str origin\n", "tags are not supported: '!!str'", "remove the tag"),
        ("    forward: !env ORIGIN\n", "tags are not supported: '!env'", "write '${NAME}' for a variable of the environment"),
    ],
)
def test_what_yaml_has_and_the_language_does_not_is_told_once(lines: str, message: str, suggestion: str) -> None:
    found = the_only(f"{HEAD}  - match: {{path: /a}}\n{lines}")
    assert (found.code, found.message, found.suggestion) == ("FR106", message, suggestion)


def test_the_keys_of_an_alias_are_written_out() -> None:
    found = the_only(HEAD + "  - &a {forward: origin}\n  - <<: *a\n")
    assert (found.code, found.suggestion) == ("FR106", "write the keys of '&a' out here, in place of '<<'")


@pytest.mark.parametrize(
    ("backends", "suggestion"),
    [
        ("backends: {}\n", 'write backends: {origin: {url: "https://HOST"}}'),
        ("backends:\n  - name: origin\n    url: https://a.example.com\n", "write 'origin:' in place of '- name: origin'"),
        ("backends:\n  origin: https://a.example.com\n", 'write origin: {url: "https://a.example.com"}'),
    ],
)
def test_backends_in_another_form(backends: str, suggestion: str) -> None:
    assert the_only(f"{BEGIN}{backends}routes:\n{REST}").suggestion == suggestion


def test_a_list_of_nothing_is_told_as_such() -> None:
    assert the_only(HEAD + REST + STAGING + "hosts: {a.example.com: b.example.com}\n").suggestion == "hosts: none"


@pytest.mark.parametrize("only", [None, "staging"])
@pytest.mark.parametrize(
    ("backends", "changed", "code", "marked"),
    [
        ("{url: https://a.example.com}", "{loopback: true}", "FR206", "loopback"),
        ("{url: https://a.example.com, certificate_host: b.example.com}", "{url: http://b.example.com}", "FR281", "http"),
        ("{url: https://a.example.com}", "{url: https://chat-staging.edgecompute.app}", "FR230", "url"),
        ("{url: https://a.example.com}", "{host: a.example.com}", "FR206", "host"),
    ],
)
def test_a_fault_of_an_environment_is_told_there(backends: str, changed: str, code: str, marked: str, only: str | None) -> None:
    """A fault of the file itself, which all environments have, stays where it is."""
    text = f"{BEGIN}backends:\n  origin: {backends}\nroutes:\n{REST}{STAGING}backends: {{origin: {changed}}}\n"
    try:
        found = check_routes(text.encode(), Inputs(), only).diagnostics
    except Invalid as invalid:
        found = tuple(invalid.diagnostics)
    (one,) = found
    line = text.splitlines()[one.span.line - 1]
    assert one.code == code and line.startswith("    backends:") and line[one.span.column - 1 :].startswith(marked)
    everywhere = text.replace("origin: {url", "origin: {loopback: true, url", 1) if code == "FR206" else ""
    if everywhere and "loopback" not in changed and not only:
        assert [each.span.line for each in told(everywhere) if each.message.startswith("the backend")] == [4]


LABEL_HOST = HEAD + '  - match: {host: "{tenant}.example.com", path: "/{room}"}\n    '


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ('{every_word: ["t:{room}"]}', 'write {word: "t:{room}"}'),
        ('{every_word: ["a,b"]}', 'write {word: "a,b"}'),
        (
            '{word: "{room} b:c"}',
            'write {every_word: ["{room}", b:c]} if it must have all of them, {word: ["{room}", b:c]} if one is enough',
        ),
    ],
)
def test_what_is_suggested_can_be_copied_into_the_file(text: str, suggestion: str) -> None:
    auth = f"auth: {{keys: {{algorithm: HS256, secret_store: s, name: k}}, claims: {{scope: {text}}}}}"
    found = the_only(ROOM.replace("public: true\n    ", "") + f"{auth}\n    forward: origin\n")
    assert found.suggestion == suggestion


@pytest.mark.parametrize(
    ("keys", "suggestion"),
    [
        ('location: "{uri}"', "write redirect: {host: HOST}, which keeps the path and the query"),
        (
            'location: "https://www.example.net{request_uri}"',
            "write redirect: {host: www.example.net}, which keeps the path and the query",
        ),
        ('location: "http://{host}/a?b"', "write '/a?b', which stays at the request's host"),
        ('location: "https://{tenant}.example.net/a"', 'write redirect: {host: "{tenant}.example.net", path: /a}'),
        ('location: "https://{other}.example.net"', 'write redirect: {host: "{other}.example.net"}'),
        ('location: "https://www.example.net{room}"', "write 'https://www.example.net/{room}'"),
        ("host: www.example.net:8080", 'write redirect: {location: "https://www.example.net:8080/…"}'),
        ("host: http://www.example.net:8080/a", 'write redirect: {location: "http://www.example.net:8080/a"}'),
        ('host: "{tenant}.a.com:1"', "leave it out: only a location can have a port, and its host cannot be chosen by a request"),
    ],
)
def test_a_redirect_that_cannot_be_written_so_is_told_once(keys: str, suggestion: str) -> None:
    found = the_only(LABEL_HOST + f"redirect: {{{keys}}}\n")
    assert (found.code, found.suggestion) == ("FR204", suggestion)


def test_the_location_that_is_suggested_for_a_port_is_valid() -> None:
    assert not any(one.code == "FR204" for one in told(route('redirect: {location: "https://www.example.net:8080/b"}')))


@pytest.mark.parametrize(
    ("changes", "message", "suggestion"),
    [
        ("version: 1", "unknown key 'version'", "'version' is the same in all environments: remove it here"),
        (
            "paths: {parameters: reject}",
            "unknown key 'paths'",
            "'paths' is the same in all environments: write it beside 'environments'",
        ),
        ("hosts: {b.a.com: c.a.com}", None, "hosts: *.a.com, chat.a.com"),
        ('hosts: {"*.b.com": "*.c.com"}', None, "hosts: *.a.com, chat.a.com"),
        ("hosts: {chad.a.com: c.a.com}", None, "did you mean 'chat.a.com'? hosts: *.a.com, chat.a.com"),
        ("hosts: {chat.a.com:80: c.a.com}", "'chat.a.com:80' is not a host", "did you mean 'chat.a.com'?"),
    ],
)
def test_an_environment_is_told_what_it_can_change(changes: str, message: str | None, suggestion: str) -> None:
    routes = "".join(
        f"  - match: {{path: /{n}, host: '{host}'}}\n    forward: origin\n" for n, host in enumerate(["*.a.com", "chat.a.com"])
    )
    found = the_only(HEAD + routes + STAGING + changes + "\n")
    assert found.suggestion == suggestion
    assert message is None or found.message == message


@pytest.mark.parametrize(("name", "kind"), [("origin", "loopback: true"), ("self", "url: https://b.example.com")])
def test_an_environment_that_changes_the_kind_of_a_backend_is_told_there(name: str, kind: str) -> None:
    text = HEAD + REST + STAGING + f"backends: {{{name}: {{{kind}}}}}\n"
    found = next(one for one in told(text) if one.code == "FR206")
    assert found.suggestion == f"leave '{kind.partition(':')[0]}' out: a backend is of the same kind in all environments"
    assert found.span.line == len(text.splitlines())


def test_a_key_that_is_already_where_it_belongs_is_not_sent_there() -> None:
    found = next(one for one in told(route("public: true\n    sse: {channel: a, match: {path: /b}}")) if one.code == "FR201")
    assert found.suggestion == "'sse' has a 'match' beside it: write it there, or remove it here"


@pytest.mark.parametrize("path", ["../b.yaml", "/b.yaml", "a/../b.yaml"])
def test_the_example_of_an_included_file_is_one(path: str) -> None:
    assert "'teams/chat.yaml'" in the_only(HEAD + f"  - include: {path}\n" + REST).suggestion
