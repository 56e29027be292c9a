"""Headers whose values are in a secret store: a backend gets them, and nobody else sees them."""

import json

import pytest

from tests.e2e.conftest import Edge, edge_of, open_websocket, wait_until
from tests.e2e.origin import seen, values

SECRET, OTHER = "sk-very-secret-0123456789", "edge-very-secret-9876543210"
MANIFEST = f"""\
manifest_version = 3
[local_server.secret_stores]
llm = [{{ key = "api-key", data = "{SECRET}\\n" }}]
edge = [
    {{ key = "key", data = "{OTHER}" }},
    {{ key = "empty", data = "" }},
    {{ key = "lines", data = "{SECRET}\\r\\nX-Evil: 1" }},
    {{ key = "beyond", data = "{SECRET}é" }},
]
"""
secrets_edge = edge_of("secrets", {"fastly.toml": MANIFEST.encode()})
HOST = "www.example.com"
CLAIMED = [("Authorization", "Basic claimed"), ("X-Edge-Key", "claimed"), ("X-Edge-Key", "twice")]


def test_a_forward_has_the_secret(secrets_edge: Edge) -> None:
    request = seen(secrets_edge.request("POST", "/forward/x", HOST, CLAIMED, content=b"hello"))
    assert values(request, "authorization") == [f"Bearer {SECRET}"]
    assert values(request, "x-edge-key") == [OTHER]


def test_a_handoff_has_the_secret(secrets_edge: Edge) -> None:
    request = seen(secrets_edge.request("GET", "/handoff/x", HOST, CLAIMED))
    assert (values(request, "x-edge-key"), values(request, "authorization")) == ([OTHER], ["Basic claimed"])


def test_a_tunnel_has_the_secret(secrets_edge: Edge) -> None:
    with open_websocket(secrets_edge, "/tunnel/echo", additional_headers=CLAIMED) as client:
        client.send("seen")
        headers = json.loads(client.recv())
    found = [value for name, value in headers if name in ("x-plain", "x-edge-key")]
    assert sorted(found) == sorted([SECRET, OTHER])


@pytest.mark.parametrize("path", ["/missing", "/no-store", "/empty", "/lines", "/beyond"])
def test_nothing_goes_on_without_it(secrets_edge: Edge, path: str) -> None:
    answer = secrets_edge.request("GET", path, HOST)
    assert answer.status_code == 500
    assert answer.text == "A secret that the edge adds to the request is missing or unusable.\n"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "the secret 'missing' of the store 'llm' is missing"),
        ("/no-store", "the secret 'key' of the store 'none' is missing"),
        ("/empty", "the secret 'empty' of the store 'edge' is empty"),
        ("/lines", "the secret 'lines' of the store 'edge' has a character that is not printable ASCII"),
    ],
)
def test_the_log_says_why(secrets_edge: Edge, path: str, reason: str) -> None:
    if secrets_edge.name == "viceroy":
        pytest.skip("without the relay, Viceroy's edge tells no reasons")
    secrets_edge.request("GET", path, HOST)
    wait_until(lambda: reason in secrets_edge.full_log())


def test_nobody_else_sees_it(secrets_edge: Edge) -> None:
    """Runs after all others: neither a log nor the component has a secret."""
    secrets_edge.request("GET", "/forward/x", HOST)
    secrets_edge.request("GET", "/handoff/x", HOST)
    component = (secrets_edge.folder / "bin" / "main.wasm").read_bytes()
    for secret in (SECRET, OTHER):
        assert secret not in secrets_edge.full_log()
        assert secret.encode() not in component
