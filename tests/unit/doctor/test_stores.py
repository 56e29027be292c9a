"""Tests that missing and empty entries of local stores are found."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fanroute.doctor.finding import Finding
from fanroute.doctor.stores import check_stores
from fanroute_runtime.plan import StoreEntry
from tests.support.doctor import ROUTES, examined, found
from tests.support.tokens import EC, RSA, jwk

SECRET, CONFIG = "local secret store 'keys'", "local config store 'settings'"
GOOD = """\
[local_server.secret_stores]
keys = [{key = "first", env = "FIRST"}]
[local_server.config_stores.settings]
format = "inline-toml"
contents = {public = "a key"}
"""


def test_entries_that_are_there_are_right(tmp_path: Path) -> None:
    assert found(check_stores, examined(tmp_path, manifest=GOOD, environment={"FIRST": "x"})) == [
        Finding(SECRET, "ok", "it has the secret 'first'"),
        Finding(CONFIG, "ok", "it has the entry 'public'"),
    ]


@pytest.mark.parametrize(
    ("manifest", "secret", "config"),
    [
        (GOOD, "empty", ""),  # its variable is not set
        (GOOD.replace('"first"', '"second"'), "missing", ""),
        (GOOD.replace("keys =", "locks ="), "missing", ""),
        (GOOD.replace('env = "FIRST"', 'data = "x"').replace('"a key"', '""'), "", "empty"),
        (GOOD.replace('env = "FIRST"', 'data = "x"').replace("settings", "others"), "", "missing"),
        (None, "missing", "missing"),
    ],
)
def test_a_missing_or_empty_one_is_a_warning(tmp_path: Path, manifest: str | None, secret: str, config: str) -> None:
    about_secret, about_config = found(check_stores, examined(tmp_path, manifest=manifest))
    for finding, problem, name, place in (
        (about_secret, secret, "secret 'first'", "secret_stores.keys"),
        (about_config, config, "entry 'public'", "config_stores.settings"),
    ):
        assert finding.status == ("warning" if problem else "ok")
        if problem:
            assert finding.text == f"the {name} is {problem}, so a local edge answers 500"
            assert finding.fix == f"Set it in fastly.toml, at local_server.{place}."


def test_without_the_secret_of_debug_nobody_is_told(tmp_path: Path) -> None:
    one = examined(tmp_path, manifest=GOOD, environment={"FIRST": "x"})
    assert one.compiled is not None
    debug = StoreEntry("secret", "edge", "debug")
    with_debug = replace(one, compiled=replace(one.compiled, plan=replace(one.compiled.plan, debug=debug)))
    finding = found(check_stores, with_debug)[0]
    assert (finding.subject, finding.status) == ("local secret store 'edge'", "warning")
    assert finding.text == "the secret 'debug' is missing, so nobody is told why"


def test_a_backend_needs_its_secret(tmp_path: Path) -> None:
    one = examined(tmp_path, manifest=GOOD, environment={"FIRST": "x"})
    assert one.compiled is not None
    plan = one.compiled.plan
    headers = tuple(("x-a", b"", StoreEntry("secret", store, "first")) for store in ("llm", "keys"))
    route = replace(plan.routes[-1], secret_headers=headers)
    with_header = replace(one, compiled=replace(one.compiled, plan=replace(plan, routes=(*plan.routes, route))))
    findings = found(check_stores, with_header)
    assert [finding.subject for finding in findings] == [SECRET, CONFIG, "local secret store 'llm'"]
    assert findings[-1].text == "the secret 'first' is missing, so a local edge answers 500"


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    manifest = '[local_server.secret_stores]\nkeys = [{key = "first", file = "no/such/file"}]\n'
    (finding,) = found(check_stores, examined(tmp_path, manifest=manifest))
    assert finding.status == "error"
    assert finding.text == "fastly.toml: 'local_server.secret_stores.keys[0].file' cannot be read: no such file or directory"


def test_a_secret_in_a_file_is_next_to_fastly_toml(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x")
    manifest = GOOD.replace('env = "FIRST"', 'file = "key"')
    assert [finding.status for finding in found(check_stores, examined(tmp_path, manifest=manifest))] == ["ok", "ok"]


def test_a_key_of_a_proxy_counts(tmp_path: Path) -> None:
    head, _, _ = ROUTES.partition("defaults:")
    key = "{issuer: own, algorithm: HS256, secret_store: proxies, name: one}"
    routes = f"{head}fanout: {{keys: [{key}]}}\nroutes: [{{handoff: origin}}]\n"
    (finding,) = found(check_stores, examined(tmp_path, routes))
    assert (finding.subject, finding.status) == ("local secret store 'proxies'", "warning")


def test_routes_may_name_none(tmp_path: Path) -> None:
    routes = "version: 1\nservice: {name: a}\nbackends: {o: {url: 'https://a.example'}}\nroutes: [{handoff: o}]\n"
    assert found(check_stores, examined(tmp_path, routes)) == [
        Finding("local stores", "ok", "routes.yaml names no entries of stores")
    ]


def test_a_broken_fastly_toml_is_not_said_twice(tmp_path: Path) -> None:
    (finding,) = found(check_stores, examined(tmp_path, manifest_error="it is not TOML"))
    assert finding.status == "skipped"


DOCUMENT_ROUTES = """\
version: 1
service: {name: chat-edge}
backends: {origin: {url: "https://app.example.com"}}
routes:
  - handoff: origin
    auth: {keys: {algorithm: [ES256, RS256], jwks: true, config_store: settings, name: jwks}}
"""


@pytest.mark.parametrize(
    ("held", "status", "text"),
    [
        ([jwk(EC), jwk(RSA)], "ok", "the entry 'jwks' has 2 keys for ES256 or RS256"),
        (
            [jwk(EC), {**jwk(RSA), "use": "enc"}, {"kty": "XYZ"}],
            "ok",
            "the entry 'jwks' has 1 key for ES256 or RS256; key 2 is not used: it is not for signatures; "
            "key 3 is not used: it is not for ES256 or RS256",
        ),
        (
            [jwk(EC), {**jwk(EC), "d": "c2VjcmV0"}],
            "warning",
            "the entry 'jwks' has 1 key for ES256 or RS256; key 2 is not used: it is a private key",
        ),
        (
            [jwk(EC), {"kty": "oct", "k": "c2VjcmV0"}],
            "warning",
            "the entry 'jwks' has 1 key for ES256 or RS256; "
            "key 2 is not used: it is a secret, which may only be in a secret store",
        ),
        ([], "warning", "the entry 'jwks' has 0 keys for ES256 or RS256"),
        (None, "warning", "the entry 'jwks' is not a JWKS document, so a local edge answers 500: it has no list of keys, 'keys'"),
    ],
)
def test_a_document_is_looked_into(tmp_path: Path, held: Any, status: str, text: str) -> None:
    """Nothing that is secret is told."""
    contents = json.dumps(json.dumps({"keys": held}))
    manifest = f'[local_server.config_stores.settings]\nformat = "inline-toml"\ncontents = {{jwks = {contents}}}\n'
    (finding,) = found(check_stores, examined(tmp_path, DOCUMENT_ROUTES, manifest=manifest))
    assert (finding.subject, finding.status, finding.text) == (CONFIG, status, text)
    assert bool(finding.fix) == (status == "warning")
    assert "c2VjcmV0" not in f"{finding.text}{finding.fix}"
