"""`logs` on both local edges: a line for each request, which `fanroute serve` prints."""

import json
from typing import Any

import pytest

from fanroute_runtime.plan.logs import FIELDS
from tests.e2e.conftest import Edge, edge_of, open_websocket, wait_until

pytestmark = pytest.mark.slow

MANIFEST = b"""\
manifest_version = 3
[local_server.secret_stores]
edge = [{ key = "login", data = "a secret that nobody would guess" }]
"""
logs_edge = edge_of("logs", {"fastly.toml": MANIFEST}, ["--format", "json"])


def lines(edge: Edge, path: str, count: int) -> list[dict[str, Any]]:
    """Waits for so many lines about a path, and returns them in order."""

    def found() -> list[dict[str, Any]]:
        printed = (json.loads(line) for line in list(edge.output) if line.startswith("{"))
        written = (json.loads(event["line"]) for event in printed if event["kind"] == "log" and event["endpoint"] == "edge-logs")
        return [line for line in written if line["url.path"] == path]

    wait_until(lambda: len(found()) >= count)
    return found()


def test_an_answer_of_the_edge_is_logged(logs_edge: Edge) -> None:
    assert logs_edge.request("GET", "/hello?secret=canary").text == "hello\n"
    (line,) = lines(logs_edge, "/hello", 1)
    assert list(line) == [name for name in FIELDS if name in line]
    assert (line["http.response.status_code"], line["http.response.body.size"], line["fanroute.pass"]) == (200, 6, 1)
    assert line["timestamp"].endswith("Z") and line["fanroute.milliseconds"] >= 0


def test_an_answer_of_a_backend_is_logged(logs_edge: Edge) -> None:
    answer = logs_edge.request("GET", "/backend/a%22b")
    (line,) = lines(logs_edge, "/backend/a%22b", 1)
    assert (line["fanroute.route"], line["fanroute.backend"]) == ("rest", "origin")
    assert line["http.response.status_code"] == answer.status_code


def test_both_passes_of_a_stream_have_one_id(logs_edge: Edge) -> None:
    """A client cannot choose it."""
    headers = {"Fanroute-Id": "forged"}
    with logs_edge.client.stream("GET", "/events/blue", headers=headers) as answer:
        assert answer.status_code == 200
    first, second = lines(logs_edge, "/events/blue", 2)
    assert (first["fanroute.pass"], second["fanroute.pass"]) == (1, 2)
    assert first["fanroute.request.id"] == second["fanroute.request.id"] != "forged"
    assert first["fanroute.channels"] == second["fanroute.channels"] == ["room-blue"]
    assert "http.response.status_code" not in first and second["http.response.status_code"] == 200


def test_each_event_of_a_websocket_has_the_id_of_its_connection(logs_edge: Edge) -> None:
    for room in ("red", "green"):
        with open_websocket(logs_edge, f"/socket/{room}") as client:
            client.send("hi")
            assert client.recv(timeout=15) == "hi"
    found = [lines(logs_edge, f"/socket/{room}", 3) for room in ("red", "green")]
    red, green = ({line["fanroute.request.id"] for line in each} for each in found)
    assert len(red) == len(green) == 1 and red != green
    assert all([line["fanroute.pass"] for line in each][:3] == [1, 2, 2] for each in found)


def test_a_refusal_has_its_reason_and_no_token(logs_edge: Edge) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmVk"
    assert logs_edge.request("GET", f"/guarded?token={token}").status_code == 401
    (line,) = lines(logs_edge, "/guarded", 1)
    assert line["fanroute.reason"] == "The token is refused: it is not signed with a key that the edge knows."
    assert logs_edge.request("GET", f"/x/{token}/y").status_code < 500
    (hidden,) = lines(logs_edge, "/x/…/y", 1)
    assert hidden["fanroute.route"] == "rest"
    written = [line for line in logs_edge.output if '"kind": "log"' in line or '"kind":"log"' in line]
    assert written and not [line for line in written if token[-8:] in line or "canary" in line]
