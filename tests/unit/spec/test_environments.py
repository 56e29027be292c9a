"""Tests what an environment changes, and that everything else stays as it is."""

from typing import Any

import pytest

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, check_routes, compile_routes
from fanroute.spec.inputs import Inputs

START = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com", local: "http://localhost:3000"}
  self: {loopback: true}
environments:
  staging:
    service: {name: chat-edge-staging}
"""
ROUTES = "routes:\n  - match: {host: chat.example.com}\n    handoff: origin\n"


def compiled(text: str, environment: str = "staging", **variables: str) -> Compiled:
    return compile_routes(text.encode(), Inputs(variables, environment=environment))


def faults(text: str, **variables: str) -> list[tuple[str, str, tuple[str, ...]]]:
    found = check_routes(text.encode(), Inputs(variables)).diagnostics
    return [
        (f"{one.span.line}:{one.span.column} {one.code}", one.message, tuple(note.message for note in one.notes))
        for one in found
        if one.severity != "note"
    ]


def test_production_is_the_file() -> None:
    assert (
        compiled(START + ROUTES, "production").plan
        == compiled((START + ROUTES).partition("environments")[0] + ROUTES, "production").plan
    )


def test_an_unknown_environment_is_an_error() -> None:
    with pytest.raises(Invalid, match="the file has no environment 'stagin'") as invalid:
        compiled(START + ROUTES, "stagin")
    assert invalid.value.diagnostics[0].suggestion == "did you mean 'staging'? environments: production, staging"
    with pytest.raises(Invalid, match="no environment"):
        compiled("version: 1\n", "staging")
    with pytest.raises(Invalid, match="no environment"):
        compiled("- a\n", "staging")


def test_a_service_has_a_domain_of_its_own() -> None:
    assert compiled(START + ROUTES).loopback_host == "chat-edge-staging.edgecompute.app"
    assert compiled(START + "    backends: {self: {host: s.example.com}}\n" + ROUTES).loopback_host == "s.example.com"


def test_other_keys_of_a_backend_stay() -> None:
    origin = compiled(START + "    backends: {origin: {url: 'http://staging.example.com:8080'}}\n" + ROUTES).backends[0]
    assert (origin.url, origin.local) == ("http://staging.example.com:8080", "http://localhost:3000")


def test_a_key_takes_the_place_of_another_one() -> None:
    """Tests that nothing of the file's key stays. A backend or profile may be called like a part that is replaced so."""

    def file(name: str, timeout: str, key: str) -> str:
        return f"""\
version: 1
service: {{name: {name}}}
backends: {{keys: {{url: "https://app.example.com", first_byte_timeout: {timeout}}}}}
auth_profiles: {{debug: {{keys: {key}, issuer: a}}}}
routes: [{{forward: keys, auth: debug}}]
"""

    key = "{algorithm: ES256, config_store: keys, name: staging}"
    changed = (
        f"{{service: {{name: b}}, backends: {{keys: {{first_byte_timeout: 30s}}}}, auth_profiles: {{debug: {{keys: {key}}}}}}}"
    )
    found = compiled(
        file("a", "20s", "{algorithm: HS256, secret_store: keys, name: login}") + f"environments: {{staging: {changed}}}\n"
    )
    expected = compiled(file("b", "30s", key), "production")
    assert (found.plan, found.backends) == (expected.plan, expected.backends)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("  - {match: {host: Chat.Example.com}, forward: origin}\n", "staging.example.org"),
        ("  - {match: {host: [a.example.com, chat.example.com]}, forward: origin}\n", "staging.example.org"),
        ("  - {match: {host: '*.example.com'}, forward: origin}\n", "*.staging.example.org"),
        ("  - {match: {host: x.chat.example.com}, forward: origin}\n", None),
        ("  - {match: {path: /chat.example.com}, forward: origin}\n", None),
        ("  - redirect: {location: 'https://chat.example.com/{header.x}'}\n    match: {header: {x: {present: true}}}\n", "https://staging.example.org/"),
        ("  - redirect: {location: 'https://chat.example.com.evil.example/'}\n", None),
        ("  - redirect: {location: '/chat.example.com'}\n", None),
        ("  - redirect: https://chat.example.com/a\n", "https://staging.example.org/a"),
        ("  - redirect: /chat.example.com\n", None),
        ("  - {match: {host: www.example.net}, redirect: {host: chat.example.com}}\n", "staging.example.org"),
        ("  - {origins: 'https://chat.example.com:8443', tunnel: origin}\n", "https://staging.example.org:8443"),
        ("  - {origins: ['https://*.example.com'], tunnel: origin}\n", "https://*.staging.example.org"),
        ("  - respond: {status: 200, body: chat.example.com, cors: {origins: 'https://chat.example.com'}}\n", "https://staging.example.org"),
        ("  - forward: {backend: origin, cors: {origins: '*'}}\n", None),
    ],
)  # fmt: skip
def test_a_host_has_another_name_where_clients_see_it(route: str, expected: str | None) -> None:
    """Anything else stays as it is, and so do hosts that are not named."""
    known = "  - {match: {host: [chat.example.com, '*.example.com']}, handoff: origin}\n"
    hosts = "    hosts: {CHAT.example.com: staging.example.org, '*.example.com': '*.staging.example.org'}\n"
    text = START + hosts + "routes:\n" + route + known
    here, there = (compiled(text, environment).plan.routes[:-1] for environment in ("production", "staging"))
    assert (here == there) == (expected is None)
    if expected:
        assert expected in repr(there)


def test_a_loopback_domain_is_renamed_and_a_server_is_not() -> None:
    text = START.replace("loopback: true", "loopback: true, host: live.example.com")
    renamed = compiled(text + "    hosts: {live.example.com: live.staging.example.com}\n" + ROUTES)
    assert renamed.loopback_host == "live.staging.example.com"
    assert faults(START + "    hosts: {app.example.com: staging.example.com}\n" + ROUTES) == [
        ("9:13 FR271", "the file has no host 'app.example.com', so nothing differs in 'staging'", ())
    ]


def test_an_environments_own_values_are_not_renamed() -> None:
    text = START.replace("loopback: true", "loopback: true, host: live.example.com")
    own = "    hosts: {live.example.com: x.example.com}\n    backends: {self: {host: live.example.com}}\n"
    assert compiled(text + own + ROUTES).loopback_host == "live.example.com"


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("    backends: {origin: {url: 'ftp://x'}}\n", "9:30 FR204"),
        ("    hosts: {chat.example.com: 'a b'}\n", "9:31 FR204"),
        ("    debug: {secret_store: keys, name: 'a b'}\n", "9:39 FR204"),
        ("    debug: {secret_store: keys}\n", "9:5 FR202"),
        ("    backends: {origin: {host: x.example.com}}\n", "9:25 FR206"),
    ],
)
def test_a_fault_of_an_environment_points_at_it_once(part: str, place: str) -> None:
    assert [found[0] for found in faults(START + part + ROUTES)] == [place]


def test_a_fault_of_one_environment_names_it() -> None:
    routes = "routes:\n  - {match: {host: a.example.com}, handoff: origin}\n  - {match: {host: b.example.com}, forward: origin}\n"
    more = "  dev:\n    service: {name: dev}\n    hosts: {a.example.com: b.example.com}\n"
    assert faults(START + routes) == []
    merged = "'a.example.com' becomes 'b.example.com' and 'b.example.com' stays in 'dev', so their routes share requests there"
    assert faults(START + more + routes) == [
        ("11:28 FR471", merged, ("only in 'dev'",)),
        ("14:6 FR301", "route 'route-2' can never match: 'route-1' takes all its requests", ("'route-1'", "only in 'dev'")),
    ]


def test_only_variables_that_are_used_must_be_set() -> None:
    """Production needs no variables of staging, nor staging those that it replaces. `check` needs all of them."""
    text = START.replace("https://app.example.com", "https://${APP}")
    text += "    backends: {origin: {url: 'https://${STAGING}', local: 'http://${LOCAL:-localhost}'}}\n" + ROUTES
    assert compiled(text, "production", APP="app.example.com").backends[0].host == "app.example.com"
    assert compiled(text, "staging", STAGING="s.example.com").backends[0].host == "s.example.com"
    unset = [(place, notes) for place, _, notes in faults(text)]
    assert unset == [("4:17 FR210", ()), ("9:30 FR210", ("only in 'staging'",))]


def test_no_message_has_the_value_of_a_variable() -> None:
    text = (
        START + "    hosts: {chat.example.com: '${HOST}'}\nroutes:\n  - match: {host: chat.example.com}\n    sse: {channel: ''}\n"
    )
    assert "secret" not in str(faults(text, HOST="secret.example.com"))


def test_the_variables_of_all_environments_must_be_listed() -> None:
    text = "variables: [A]\n" + START + "    backends: {origin: {url: 'https://${B}'}}\n" + ROUTES
    assert [found[0] for found in faults(text, A="x", B="y")] == ["10:30 FR213"]


def test_hosts_can_stay_those_of_production() -> None:
    """That is how two environments are compared."""
    text = START + "    hosts: {chat.example.com: s.example.com}\n" + ROUTES
    inputs = Inputs(environment="staging", renames_hosts=False)
    assert compile_routes(text.encode(), inputs).plan.routes == compiled(text, "production").plan.routes
    assert compile_routes(text.encode(), inputs).plan.service == "chat-edge-staging"


@pytest.mark.parametrize("data", ["[]", "a", "{staging: []}", "{staging: {hosts: []}}", "{staging: {backends: {origin: []}}}"])
def test_no_shape_is_a_traceback(data: str) -> None:
    text = START.partition("environments")[0] + f"environments: {data}\n" + ROUTES
    assert faults(text)
    for environment in ("production", "staging"):
        with pytest.raises(Invalid):
            compiled(text, environment)


def test_the_number_of_environments_is_limited() -> None:
    """Each of them makes a check longer."""
    text = START + "".join(f"  e{number}: {{service: {{name: e{number}}}}}\n" for number in range(16)) + ROUTES
    assert faults(text) == [("6:1 FR204", "'environments' has too many items", ())]


def test_the_former_name_of_variables_is_told() -> None:
    def suggestion(value: Any) -> str:
        text = f"environment: {value}\n" + START + ROUTES
        (found,) = check_routes(text.encode(), Inputs()).diagnostics
        return found.suggestion

    assert suggestion("[A, B_*]") == suggestion("A") == "it is now called 'variables'"
    assert suggestion("{staging: {}}").startswith("did you mean 'environments'?")
