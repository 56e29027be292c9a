"""With `--env`, an edge serves that environment: its hosts, backends, stores and debug, and nothing of production."""

from tests.e2e.conftest import Edge, edge_of
from tests.e2e.origin import seen

SECRET = "a secret that nobody would guess"
PRODUCTION = "manifest_version = 3\n[local_server.secret_stores]\nedge = []\n"
STAGING = f'manifest_version = 3\n[local_server.secret_stores]\nedge = [{{ key = "debug", data = "{SECRET}" }}]\n'
FILES = {"fastly.toml": PRODUCTION.encode(), "fastly.staging.toml": STAGING.encode()}
environments_edge = edge_of("environments", FILES, ["--env", "staging"])
HOST, PRODUCTIONS_HOST = "chat.staging.example.com", "chat.example.com"


def test_an_environment_has_its_hosts(environments_edge: Edge) -> None:
    assert environments_edge.request("GET", "/forward/x", HOST).status_code == 200
    assert environments_edge.request("GET", "/forward/x", PRODUCTIONS_HOST).status_code == 404
    assert environments_edge.request("GET", "/moved").headers["location"] == f"https://{HOST}/"


def test_an_environment_has_its_backends(environments_edge: Edge) -> None:
    """Nobody listens where the backend of production would be."""
    assert seen(environments_edge.request("GET", "/forward/x", HOST))["target"] == "/forward/x"


def test_a_message_is_published_in_an_environment(environments_edge: Edge) -> None:
    headers = {"Host": HOST, "Origin": f"https://{HOST}"}
    with environments_edge.client.stream("GET", "/events/blue", headers=headers) as answer:
        assert answer.headers["access-control-allow-origin"] == f"https://{HOST}"
        environments_edge.publish("room-blue", http_stream={"content": "data: hello\n\n"})
        assert next(line for line in answer.iter_lines() if line.startswith("data")) == "data: hello"


def test_an_included_route_is_held(environments_edge: Edge) -> None:
    """It is above a route with the same host, and pinned as any other."""
    with environments_edge.client.stream("GET", "/included/blue", headers={"Host": HOST}) as answer:
        environments_edge.publish("included-blue", http_stream={"content": "hello\n"})
        assert next(answer.iter_lines()) == "hello"


def test_an_environment_has_its_debug_and_its_stores(environments_edge: Edge) -> None:
    answer = environments_edge.request("GET", "/forward/x", HOST, [("Fanroute-Debug", SECRET)])
    assert answer.headers["fanroute-route"] == "forwarded"
    assert answer.headers["cache-control"] == "no-store"
