"""Tests how a server is asked who signed a request: each answer that it can give through the edge, and directly."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import announce
from fanroute.doctor.finding import Finding
from fanroute.doctor.network import Network
from fanroute.doctor.whoami import Identity, check_whoami, forged_signatures, identity_of
from tests.support.doctor import SERVICE, examined, found, serving

ROUTES = """\
version: 1
service: {name: chat}
backends: {origin: {url: "%s", override_host: app.example.com%s}, self: {loopback: true, host: chat.invalid}}
routes:
  - {match: {path: /whoami}, handoff: origin}
  - {match: {path: /old}, handoff: {backend: origin, rewrite: {path: /new}}}
  - {match: {host: chat.example.com, path: /of-host}, handoff: origin}
  - {match: {path: /forwarded}, forward: origin}
"""
SIGNED = {"signed": True, "has_signature": True, "issuer": "viceroy"}
REFUSED = {"signed": False, "has_signature": True, "issuer": None}


def asked(folder: Path, whoami: str, url: str, local: str = "", **more: Any) -> list[Finding]:
    """Returns the findings about a project whose server is at these URLs."""
    text = ROUTES % (url, f', local: "{local}"' if local else "")
    return found(check_whoami, examined(folder, text, network=Network(), whoami=whoami, **more))


@contextmanager
def edge(folder: Path, url: str, hosts: Mapping[str, str] | None = None) -> Iterator[None]:
    """Announces that a local edge of a project runs at a URL."""
    workspace = examined(folder).workspace
    with announce(workspace, EdgeUrls(url, url), hosts or {}):
        yield


def answers(answer: Any, status: int = 200) -> dict[str, tuple[int, Any]]:
    return {"": (status, answer)}


def test_a_server_that_checks_is_right(tmp_path: Path) -> None:
    with serving(answers(SIGNED)) as running, serving(answers(REFUSED)) as server, edge(tmp_path, running.url):
        findings = asked(tmp_path, "/whoami?x=1", "https://app.example.com", server.url)
        assert findings == [
            Finding("whoami", "ok", f"{running.url}/whoami?x=1: signed by viceroy"),
            Finding("whoami (forged)", "ok", f"{server.url}/whoami?x=1 refuses it"),
        ]
        (through,) = running.requests
        assert "grip-sig" not in through[1]
        assert {path for path, _ in server.requests} == {"/whoami?x=1"}
        assert len({headers["grip-sig"] for _, headers in server.requests}) == 3


def test_a_server_that_takes_everything_is_an_error(tmp_path: Path) -> None:
    with serving(answers(SIGNED)) as server, edge(tmp_path, server.url):
        _, forged = asked(tmp_path, "/whoami", server.url)
    text = f"{server.url}/whoami takes a Grip-Sig for good with a signature that is not valid"
    assert (forged.status, forged.text) == ("error", text)
    assert "docs/origins.md" in forged.fix


@pytest.mark.parametrize(
    ("answer", "text", "fix"),
    [
        (answers(REFUSED), ": not signed: the server does not accept Fanout's Grip-Sig", "`fanroute grip-url`"),
        (answers({"signed": False, "has_signature": False}), ": not signed: the server got no Grip-Sig", "Fanout is enabled"),
        (answers({"signed": "yes"}), " answers 200, and not whether the request is signed", "docs/doctor.md"),
        (answers(SIGNED, 404), " answers 404, and not whether the request is signed", "docs/doctor.md"),
    ],
)
def test_what_is_wrong_behind_the_edge_is_an_error(tmp_path: Path, answer: Any, text: str, fix: str) -> None:
    with serving(answer) as running, serving(answers(REFUSED)) as server, edge(tmp_path, running.url):
        through, forged = asked(tmp_path, "/whoami", server.url)
        assert (through.status, through.text) == ("error", f"{running.url}/whoami{text}")
        assert fix in through.fix
        assert forged.status == "ok"


def test_a_service_is_asked_at_its_url(tmp_path: Path) -> None:
    """The server in production gets the Host header of its backend, and forged signatures of Fastly's Fanout."""
    with serving(answers(REFUSED)) as running, serving(answers(REFUSED)) as server:
        through, forged = asked(tmp_path, f"{running.url}/whoami", server.url, "http://127.0.0.1:1", service_id=SERVICE)
        assert (through.status, forged.status) == ("error", "ok")
        assert "`fanroute grip-url --service ID`" in through.fix
        assert {headers["host"] for _, headers in server.requests} == {"app.example.com"}
        assert len(server.requests) == 2


def test_a_path_is_rewritten_as_at_the_edge(tmp_path: Path) -> None:
    with serving(answers(REFUSED)) as server, edge(tmp_path, server.url):
        asked(tmp_path, "/old", server.url)
        assert [path for path, _ in server.requests].count("/new") == 3


def test_a_name_of_this_machine_stands_for_the_routes_host(tmp_path: Path) -> None:
    hosts = {"host 127.0.0.1": "chat.example.com"}
    with serving(answers(REFUSED)) as server:
        with edge(tmp_path, server.url):
            assert len(asked(tmp_path, "/of-host", server.url)) == 1
        with edge(tmp_path, server.url, hosts):
            assert len(asked(tmp_path, "/of-host", server.url)) == 2


@pytest.mark.parametrize("path", ["/forwarded", "/nothing"])
def test_a_path_that_is_not_handed_off_is_an_error(tmp_path: Path, path: str) -> None:
    with edge(tmp_path, "http://127.0.0.1:1"):
        (finding,) = asked(tmp_path, path, "https://app.example.com")
    assert (finding.status, finding.text) == ("error", f"{path}: no route hands it off, so its request has no Grip-Sig")


def test_without_an_edge_nothing_is_asked(tmp_path: Path) -> None:
    (finding,) = asked(tmp_path, "/whoami", "https://app.example.com")
    assert (finding.status, finding.text) == ("skipped", "no `fanroute serve` runs for this folder")


def test_servers_that_do_not_answer_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with edge(tmp_path, url):
        findings = asked(tmp_path, "/whoami", "https://app.example.com", url)
    assert [(finding.subject, finding.status, finding.text) for finding in findings] == [
        ("whoami", "warning", f"{url}: it cannot be connected to"),
        ("whoami (forged)", "warning", f"{url}: it cannot be connected to"),
    ]


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        (json.dumps(SIGNED), Identity(True, True, "viceroy")),
        (json.dumps(REFUSED), Identity(False, True, "")),
        ('{"signed": true}', Identity(True, True, "")),
        ('{"signed": true, "issuer": "a\\nb"}', Identity(True, True, "")),
        ('{"signed": true, "issuer": 1}', Identity(True, True, "")),
        ('{"signed": false, "has_signature": false}', Identity(False, False, "")),
        ('{"signed": 1}', None),
        ("[]", None),
        ("", None),
        ("[" * 60_000, None),
        ("\udcff", None),
    ],
)
def test_an_answer_is_read(body: str, identity: Identity | None) -> None:
    assert identity_of(body.encode(errors="surrogateescape")) == identity


def test_a_service_gets_no_signature_that_only_a_local_edge_can_make() -> None:
    assert "of another issuer" in forged_signatures(0, True, "")
    assert "of another issuer" not in forged_signatures(0, False, SERVICE)
