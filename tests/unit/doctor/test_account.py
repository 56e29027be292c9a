"""Tests what is found on Fastly, with a small API on 127.0.0.1 that does not have what a sound service has."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fanroute.doctor import fastly_api
from fanroute.doctor.account import backend_finding, check_account
from fanroute.doctor.fastly_api import ApiBackend
from fanroute.doctor.finding import Finding
from fanroute.doctor.network import Network
from fanroute.plan.backend import Backend, BackendOptions
from tests.support.doctor import ROUTES, SERVICE, TOKEN, brief, examined, found, healthy_service, serving

Answers = dict[str, tuple[int, Any]]
VERSION = f"/service/{SERVICE}/version/3"
NOW = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
SOUND = [
    ("API token", "ok"),
    ("service", "ok"),
    ("domains", "ok"),
    ("backend 'origin' on Fastly", "ok"),
    ("backend 'self' on Fastly", "ok"),
    ("Fanout", "ok"),
    ("secret store 'keys' on Fastly", "ok"),
    ("config store 'settings' on Fastly", "ok"),
    ("WebSockets", "ok"),
]


def account(folder: Path, answers: Answers, service_id: str = SERVICE, token: str = TOKEN) -> list[Finding]:
    """Returns the findings about a service of which an API tells this. Tests that the API was only read, with the token."""
    with serving(answers) as server:
        environment = {"FASTLY_API_TOKEN": token, "FASTLY_API_ENDPOINT": server.url, "HOME": str(folder)}
        subject = examined(folder, environment=environment, network=Network(now=lambda: NOW), service_id=service_id)
        findings = found(check_account, subject)
        assert {headers["fastly-key"] for _, headers in server.requests} <= {TOKEN}
    assert not [finding for finding in findings if TOKEN in repr(finding)]
    return findings


def test_a_sound_service_is_right(tmp_path: Path) -> None:
    findings = account(tmp_path, healthy_service())
    assert brief(findings) == SOUND
    assert "private content" not in repr(findings)
    assert findings[1].text == "version 3 of 'chat' is active"


def test_a_limit_reminds_of_the_product(tmp_path: Path) -> None:
    """No part of Fastly's API tells if it is enabled, so no request is sent for it."""
    with serving(healthy_service()) as server:
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url, "HOME": str(tmp_path)}
        limited = ROUTES.replace("path: /events/x}, ", "path: /events/x}, limit: {rate: 10/s}, ")
        network = Network(now=lambda: NOW)
        findings = found(check_account, examined(tmp_path, limited, environment=environment, network=network, service_id=SERVICE))
        assert brief(findings) == [*SOUND[:2], ("Edge Rate Limiting", "skipped"), *SOUND[2:]]
        assert "Ask Fastly to enable it" in findings[2].fix
        assert not [path for path, _ in server.requests if "rate" in path]


def change(path: str, change: Callable[[Any], Any]) -> Answers:
    """Returns the answers with another one at a path."""
    answers = healthy_service()
    status, content = answers[path]
    return answers | {path: (status, change(content))}


def differences(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Returns those findings that are not right."""
    return [(finding.subject, finding.status, finding.text) for finding in findings if finding.status != "ok"]


ORIGIN, SELF = "backend 'origin' on Fastly", "backend 'self' on Fastly"
BROKEN: dict[str, tuple[Answers, list[tuple[str, str, str]]]] = {
    "a token to purge": (
        change("/tokens/self", lambda token: token | {"scope": "purge_all purge_select"}),
        [("API token", "warning", "its scope 'purge_all purge_select' does not allow publishing")],
    ),
    "a token to read": (
        change("/tokens/self", lambda token: token | {"scope": "global:read"}),
        [("API token", "warning", "its scope 'global:read' does not allow publishing")],
    ),
    "a token for others": (
        change("/tokens/self", lambda token: token | {"services": ["another"]}),
        [("API token", "error", f"it is not for the service {SERVICE}")],
    ),
    "a token that ends": (
        change("/tokens/self", lambda token: token | {"expires_at": "2026-12-06T12:30:00Z"}),
        [("API token", "warning", "it expires at 2026-12-06 12:30 UTC")],
    ),
    "a service that delivers": (
        change(f"/service/{SERVICE}/details", lambda service: service | {"type": "vcl"}),
        [("service", "error", "it is no Compute service")],
    ),
    "no active version": (
        change(f"/service/{SERVICE}/details", lambda service: service | {"active_version": None}),
        [("service", "error", "no version of it is active")],
    ),
    "no service": (
        healthy_service() | {f"/service/{SERVICE}/details": (400, {"msg": "Bad request"})},
        [("service", "error", f"the token's account has no service {SERVICE}")],
    ),
    "another domain": (
        change(f"{VERSION}/domain", lambda domains: [{"name": "other.example.com"}]),
        [("domains", "error", "none is for 'chat.example.com', which is the loopback backend's")],
    ),
    "no backend": (change(f"{VERSION}/backend", lambda backends: backends[1:]), [(ORIGIN, "error", "there is none")]),
    "no override host": (
        change(f"{VERSION}/backend", lambda backends: [backends[0], backends[1] | {"override_host": None}]),
        [(SELF, "error", "override_host is None instead of 'chat.example.com'")],
    ),
    "another address": (
        change(f"{VERSION}/backend", lambda backends: [backends[0] | {"address": "10.0.0.1", "port": 80}, backends[1]]),
        [(ORIGIN, "warning", "address is '10.0.0.1' instead of 'app.example.com', port is 80 instead of 443")],
    ),
    "another port of the loopback": (
        change(f"{VERSION}/backend", lambda backends: [backends[0], backends[1] | {"port": 80}]),
        [(SELF, "error", "port is 80 instead of 443")],
    ),
    "no Fanout": (
        healthy_service() | {f"/enabled-products/v1/fanout/services/{SERVICE}": (400, {"title": "no product on service"})},
        [("Fanout", "error", "not enabled on the service")],
    ),
    "no WebSockets": (
        healthy_service() | {f"/enabled-products/v1/websockets/services/{SERVICE}": (400, {})},
        [("WebSockets", "error", "not enabled on the service")],
    ),
    "a product that is not shown": (
        healthy_service() | {f"/enabled-products/v1/fanout/services/{SERVICE}": (403, {})},
        [("Fanout", "skipped", f"the API answers 403 to /enabled-products/v1/fanout/services/{SERVICE}")],
    ),
    "no store": (
        change(f"{VERSION}/resource", lambda links: links[1:]),
        [("secret store 'keys' on Fastly", "error", "the service has no link to one")],
    ),
    "a store of another kind": (
        change(f"{VERSION}/resource", lambda links: [links[0] | {"resource_type": "kv-store"}, links[1]]),
        [("secret store 'keys' on Fastly", "error", "the service has no link to one")],
    ),
    "no secret": (
        healthy_service() | {"/resources/stores/secret/secrets1/secrets/first": (404, {})},
        [("secret store 'keys' on Fastly", "error", "it does not have the secret 'first'")],
    ),
    "no entry": (
        healthy_service() | {"/resources/stores/config/configs1/item/public": (404, {})},
        [("config store 'settings' on Fastly", "error", "it does not have the entry 'public'")],
    ),
    "stores that are not shown": (
        healthy_service() | {"/resources/stores/config/configs1/item/public": (500, {})},
        [("stores on Fastly", "skipped", "the API answers 500 to /resources/stores/config/configs1/item/public")],
    ),
    "an answer of another form": (
        change(f"{VERSION}/backend", lambda backends: {"backends": backends}),
        [("backends on Fastly", "skipped", f"the API's answer to {VERSION}/backend has another form than its documents say")],
    ),
}


def test_options_of_a_backend_are_compared() -> None:
    options = BackendOptions(first_byte_timeout=120, override_host="api.example.com", sni_host="sni.example.com")
    backend = Backend("llm", "llm.example.com", 443, True, False, None, options)
    right = ApiBackend(
        name="llm",
        address="llm.example.com",
        port=443,
        override_host="api.example.com",
        first_byte_timeout=120_000,
        ssl_sni_hostname="SNI.example.com",
        ssl_cert_hostname="llm.example.com",
    )
    assert backend_finding(backend, right).status == "ok"
    finding = backend_finding(backend, right.model_copy(update={"first_byte_timeout": 15_000}))
    assert (finding.status, finding.text) == ("warning", "first_byte_timeout is 15000 instead of '120000'")
    assert " --first-byte-timeout 120000 --override-host api.example.com --ssl-sni-hostname sni.example.com &&" in finding.fix
    moved = backend_finding(backend, right.model_copy(update={"port": 80}))
    assert moved.fix == "Correct it with `fastly service backend update`, or correct routes.yaml."


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_is_found_and_nothing_else(tmp_path: Path, kind: str) -> None:
    answers, told = BROKEN[kind]
    findings = account(tmp_path, answers)
    assert differences(findings) == told
    assert all(finding.fix.endswith(".") for finding in findings if finding.status != "ok")


@pytest.mark.parametrize("domain", ["chat.example.com", "CHAT.example.com", "*.example.com"])
def test_a_domain_of_either_kind_counts(tmp_path: Path, domain: str) -> None:
    answers = change(f"{VERSION}/domain", lambda domains: [])
    answers["/domain-management/v1/domains"] = (200, {"data": [{"fqdn": domain, "service_id": SERVICE}], "meta": {}})
    assert brief(account(tmp_path, answers)) == SOUND
    answers["/domain-management/v1/domains"] = (403, {})
    assert ("domains", "error") in brief(account(tmp_path, answers))


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_fastly_does_not_know_is_an_error(tmp_path: Path, status: int) -> None:
    (finding,) = account(tmp_path, {"": (status, {"msg": "Provided credentials are missing or invalid"})})
    assert (finding.subject, finding.status, finding.text) == (
        "API token",
        "error",
        f"Fastly does not accept that of FASTLY_API_TOKEN ({status})",
    )


def test_without_a_token_fastly_is_not_asked(tmp_path: Path) -> None:
    (finding,) = account(tmp_path, {}, token="")
    assert (finding.subject, finding.status, finding.text) == ("API token", "skipped", "there is no token for Fastly's API")


def test_before_the_first_publish_there_is_only_a_token(tmp_path: Path) -> None:
    assert brief(account(tmp_path, healthy_service(), service_id="")) == [("API token", "ok"), ("service", "skipped")]


@pytest.mark.parametrize("token", [f"{TOKEN}\r\nX: y", f"{TOKEN}é", f"\0{TOKEN}"])
def test_a_token_that_no_header_can_have_is_not_told(tmp_path: Path, token: str) -> None:
    (finding,) = account(tmp_path, healthy_service(), token=token)
    told = "the token of FASTLY_API_TOKEN has characters that no token has, such as a space or a line end"
    assert (finding.status, finding.text) == ("skipped", told)


NO_ENDPOINT = "FASTLY_API_ENDPOINT is not https://HOST, perhaps with a port and a path, so the token is not sent there"


@pytest.mark.parametrize(
    "endpoint", ["http://api.example.com", "ftp://127.0.0.1", "//x", "http://[", "https://", "api.fastly.com", "https://xn--."]
)
def test_the_token_is_not_sent_where_others_can_read_it(tmp_path: Path, endpoint: str) -> None:
    environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": endpoint}
    (finding,) = found(check_account, examined(tmp_path, environment=environment, network=Network()))
    assert (finding.status, finding.text) == ("skipped", NO_ENDPOINT)


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with serving(healthy_service()) as other, serving({"": (302, {})}, {"Location": f"{other.url}/tokens/self"}) as server:
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url}
        (finding,) = found(check_account, examined(tmp_path, environment=environment, network=Network()))
        assert other.requests == []
    assert (finding.status, finding.text) == ("skipped", "the API answers 302 to /tokens/self")


def test_an_api_that_is_away_or_slow_is_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as server:
        environment = {"FASTLY_API_TOKEN": TOKEN, "FASTLY_API_ENDPOINT": server.url}
    (finding,) = found(check_account, examined(tmp_path, environment=environment, network=Network()))
    assert (finding.status, finding.text) == ("skipped", f"{server.url} cannot be reached: All connection attempts failed")
    monkeypatch.setattr(fastly_api, "LIMIT", 0.0)
    (finding,) = account(tmp_path, healthy_service())
    assert (finding.status, finding.text.partition(" ")[2]) == ("skipped", "gives no answer within 0 s")


def test_a_proxy_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://me:{TOKEN}@127.0.0.1:1080")
    (finding,) = found(check_account, examined(tmp_path, environment={"FASTLY_API_TOKEN": TOKEN}, network=Network()))
    told = "the proxy of ALL_PROXY cannot be used: write http://HOST:PORT there, or name the API's host in NO_PROXY"
    assert (finding.subject, finding.status, finding.text) == ("Fastly's API", "skipped", told)


def test_no_proxy_gets_the_token_in_clear_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    assert brief(account(tmp_path, healthy_service())) == SOUND
