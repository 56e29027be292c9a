"""Tests fastly.toml: Fanroute's keys are set, and the rest stays as it is."""

import tomllib

import pytest

from fanroute.plan.backend import Backend
from fanroute.project.fastly_toml import LIMITS_REMARK, replacement_notes, service_id, update
from fanroute.project.workspace import BadManifest

BACKENDS = (
    Backend("origin", "app.example.com", 443, tls=True, loopback=False, local=None),
    Backend("dev", "b.example.com", 8080, tls=False, loopback=False, local="http://127.0.0.1:3000"),
    Backend("self", "chat.edgecompute.app", 443, tls=True, loopback=True, local=None),
)
# The key that verifies a local Grip-Sig.
LOCAL_STORE = {"format": "inline-toml", "contents": {"grip_sig_key": "viceroy_dev_signing_key_dont_use_in_production"}}


def test_websockets_are_enabled_for_tunnels() -> None:
    assert "websockets" not in update(None, "chat", BACKENDS, "make build")
    data = tomllib.loads(update(None, "chat", BACKENDS, "make build", websockets=True))
    assert data["setup"]["products"] == {"fanout": {"enable": True}, "websockets": {"enable": True}}
    assert data["local_server"]["websockets_passthrough"] == {"enable": True}


def test_limits_are_remarked_on() -> None:
    """The Fastly CLI can enable no Edge Rate Limiting, so a comment says what has to be done. It stands there once."""
    first = update(None, "chat", BACKENDS, "make build", limits=True)
    assert f"enable = true # {LIMITS_REMARK}\n" in first
    assert update(first, "chat", BACKENDS, "make build", limits=True) == first
    assert tomllib.loads(first) == tomllib.loads(update(None, "chat", BACKENDS, "make build"))
    inline = "setup = {products = {fanout = {enable = false}}}\n"
    assert tomllib.loads(update(inline, "chat", BACKENDS, "make build", limits=True))["setup"]["products"]["fanout"]["enable"]


def test_a_new_one_has_all_that_publishing_needs() -> None:
    data = tomllib.loads(update(None, "chat", BACKENDS, "make build"))
    assert data == {
        "manifest_version": 3,
        "name": "chat",
        "language": "other",
        "scripts": {"build": "make build"},
        "setup": {
            "products": {"fanout": {"enable": True}},
            "backends": {
                "origin": {"address": "app.example.com", "port": 443},
                "dev": {"address": "b.example.com", "port": 8080},
                "self": {"address": "chat.edgecompute.app", "port": 443},
            },
        },
        "local_server": {
            "pushpin": {"enable": True},
            "config_stores": {"fanroute-local": LOCAL_STORE},
            "backends": {
                "origin": {"url": "https://app.example.com", "override_host": "app.example.com"},
                "dev": {"url": "http://127.0.0.1:3000"},
                "self": {"url": "http://127.0.0.1:7676", "override_host": "chat.edgecompute.app"},
            },
        },
    }


KEPT = """\
# ours
name = "kept"  # by hand
service_id = "abc"
language = "rust"  # was

[scripts]
  build = "cargo build"  # old
  post_build = "echo"

[setup.backends.origin]
# the big one
address = "old.example.com"
description = "kept"

[local_server.config_stores.x]
format = "inline-toml"
"""


def test_what_is_not_ours_stays() -> None:
    text = update(KEPT, "chat", BACKENDS, "make build")
    for line in KEPT.splitlines():
        if not any(key in line for key in ("language", 'build = "cargo', "address")):
            assert line in text.splitlines()
    data = tomllib.loads(text)
    assert (data["name"], data["language"], data["scripts"]["build"]) == ("kept", "other", "make build")
    assert data["setup"]["backends"]["origin"] == {"address": "app.example.com", "description": "kept", "port": 443}
    for comment in ("# was", "# old", "# by hand", "# the big one", "# ours"):
        assert comment in text
    assert service_id(text) == "abc"


def test_what_is_replaced_is_told() -> None:
    """A line names the key and not the value, which may come from a variable."""
    told = replacement_notes(KEPT, update(KEPT, "chat", BACKENDS, "make build"))
    assert told == [
        "fastly.toml: language had another value, which is replaced; each build sets it",
        "fastly.toml: scripts.build had another value, which is replaced; each build sets it",
        "fastly.toml: setup.backends.origin.address had another value, which is replaced; "
        "to keep another value, write it in routes.yaml, at the backend 'origin'",
    ]


@pytest.mark.parametrize(
    ("text", "key", "backend"),
    [
        ('[setup.backends.self]\naddress = "www.example.com"\n', "setup.backends.self.address", "self"),
        ("setup = {backends = {self = {port = 8443}}}\n", "setup.backends.self.port", "self"),
        ('[local_server.backends.self]\nurl = "http://127.0.0.1:8080"\n', "local_server.backends.self.url", "self"),
        ('[local_server.backends.origin]\noverride_host = "x"\n', "local_server.backends.origin.override_host", "origin"),
    ],
)
def test_a_users_own_backend_is_told(text: str, key: str, backend: str) -> None:
    (line,) = replacement_notes(text, update(text, "chat", BACKENDS, "make build"))
    assert line.startswith(f"fastly.toml: {key} had another value") and line.endswith(f"at the backend '{backend}'")


def test_nothing_is_told_of_what_is_new_or_ours() -> None:
    once = update(None, "chat", BACKENDS, "make build", hosts={"host localhost": "a.example.com"})
    assert replacement_notes(None, once) == []
    assert replacement_notes(once, update(once, "chat", BACKENDS, "make build", hosts={"host localhost": "b.example.com"})) == []


@pytest.mark.parametrize("text", [None, KEPT])
def test_twice_is_once(text: str | None) -> None:
    once = update(text, "chat", BACKENDS, "make build")
    assert update(once, "chat", BACKENDS, "make build") == once


@pytest.mark.parametrize("key", ["config_stores", "dictionaries"])
def test_local_stores_of_the_users_own_stay(key: str) -> None:
    """Viceroy reads one of two names for these stores, and each of them works."""
    text = update(f'[local_server.{key}.x]\nformat = "json"\nfile = "x.json"\n', "chat", BACKENDS, "make build")
    data = tomllib.loads(text)
    assert data["local_server"][key] == {"x": {"format": "json", "file": "x.json"}, "fanroute-local": LOCAL_STORE}
    assert not {"config_stores", "dictionaries"} - {key} & set(data["local_server"])
    assert "config_stores" not in data["setup"]


def test_inline_tables_are_ours_too() -> None:
    text = update('setup = {backends = {self = {address = "x"}}}\nlocal_server = {}\n', "chat", BACKENDS, "make build")
    assert tomllib.loads(text)["setup"]["backends"]["self"] == {"address": "chat.edgecompute.app", "port": 443}


@pytest.mark.parametrize(
    ("text", "line"), [("a = \n", 1), ("x = 1\n[a\n", 2), ("scripts = 1\n", 1), ("setup = {backends = 3}", 1)]
)
def test_a_broken_one_is_told(text: str, line: int) -> None:
    with pytest.raises(BadManifest) as raised:
        update(text, "chat", BACKENDS, "make build")
    assert raised.value.line == line


ENDS = "the file ends too early: close what is open, such as a bracket or a quote"
BROKEN = {
    "x = [": (1, 6, f"invalid value; {ENDS}"),
    "name = 'x'\nscripts = [\n": (3, 1, f"invalid value; {ENDS}"),
    'a = 1\nb = """é': (2, 9, f"unterminated string; {ENDS}"),
    "a = [1,\nb = 2\n": (2, 1, "invalid value; correct it here, or just before"),
    "[a]\n[b]\n[a]\n": (3, 3, "cannot declare ('a',) twice; correct it here, or just before"),
    "[a.b]\n[c]\n[a.b.d]\n[a.b]\n": (4, 5, "cannot declare ('a', 'b') twice; correct it here, or just before"),
    "x = {a = 1, a = 2}": (1, 18, "duplicate inline table key 'a'; correct it here, or just before"),
    "[local_server.backends.self]\n[a]\n[local_server.backends.self]\n": (
        3,
        28,
        "cannot declare ('local_server', 'backends', 'self') twice; correct it here, or just before",
    ),
    "<<<<<<< HEAD\nname = 1\n": (1, 1, "invalid statement; correct it here, or just before"),
    f"x = {'[' * 5_000}": (1, 1, "it is nested too deeply"),
}


@pytest.mark.parametrize("text", BROKEN, ids=[text[:40] for text in BROKEN])
def test_what_is_not_toml_is_told_with_its_place(text: str) -> None:
    line, column, message = BROKEN[text]
    for use in (lambda: update(text, "chat", BACKENDS, "make build"), lambda: service_id(text)):
        with pytest.raises(BadManifest) as raised:
            use()
        assert (raised.value.line, raised.value.column, str(raised.value)) == (line, column, f"it is not TOML: {message}")


def test_hosts_of_the_local_store_are_those_of_this_build() -> None:
    """A local name that a route matches now no longer stands for another host."""
    before = update(
        None, "chat", BACKENDS, "make build", hosts={"host localhost": "a.example.com", "host [::1]": "a.example.com"}
    )
    contents = tomllib.loads(update(before, "chat", BACKENDS, "make build", hosts={"host [::1]": "https://b.example.com"}))
    entries = contents["local_server"]["config_stores"]["fanroute-local"]["contents"]
    assert entries == {**LOCAL_STORE["contents"], "host [::1]": "https://b.example.com"}
