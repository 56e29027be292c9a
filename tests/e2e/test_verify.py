"""`health` on both local edges, and `fanroute verify`, which asks it and runs the route tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fanroute import __version__
from fanroute.plan.health import health_of
from tests.e2e.conftest import OWN_HOST, Edge, edge_of
from tests.e2e.origin import Origin
from tests.e2e.test_help_examples import EXAMPLES, done

pytestmark = pytest.mark.slow

health_edge = edge_of("health")
TESTS = """\
tests:
  - request: GET http://www.example.com/hello
    expect: {route: hello, status: 200}
  - request: GET http://www.example.com/-/healthz
    expect: {route: health, action: health, status: 200}
  - request: POST http://www.example.com/-/healthz
    expect: {route: rest, backend: origin}
  - request: GET http://www.example.com/events/blue
    expect: {route: events, channel: room-blue}
  - request: {url: http://www.example.com/events/blue, via_fanout: true}
    expect: {channel: room-blue}
  - request: GET http://www.example.com/a/%2e%2e/b
    expect: {status: 400}
"""


def verify(edge: Edge, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "fanroute", "verify", edge.url]
    result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    return result


def copied_routes(edge: Edge, folder: Path, old: str = "", new: str = "") -> Path:
    """Copies the routes of an edge to a folder, with one text replaced, and adds route tests."""
    text = (edge.folder / "routes.yaml").read_text()
    assert old in text
    (folder / "routes.yaml").write_text(text.replace(old, new))
    (folder / "routes.test.yaml").write_text(TESTS)
    return folder


def test_an_edge_tells_which_routes_it_serves(health_edge: Edge) -> None:
    """The host does not matter. The same hash is computed from the file."""
    health = health_of(health_edge.plan)
    assert health is not None
    for host in (OWN_HOST, "www.example.com"):
        answer = health_edge.request("GET", "/-/healthz", host)
        assert (answer.status_code, answer.json()) == (200, {"routes": health.routes, "build": f"fanroute {__version__}"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"


def test_only_get_and_head_are_answered(health_edge: Edge, origin: Origin) -> None:
    head = health_edge.request("HEAD", "/-/healthz")
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "application/json", b"")
    # The route after it takes the others, and longer paths.
    for method, target in (("POST", "/-/healthz"), ("GET", "/-/healthz/"), ("GET", "/-/healthz/x")):
        assert health_edge.request(method, target).headers.get("content-type") != "application/json", (method, target)


def test_a_service_with_the_same_routes_is_verified(health_edge: Edge, tmp_path: Path) -> None:
    """Three tests run: those of a backend and of Fanout alone do not."""
    result = verify(health_edge, copied_routes(health_edge, tmp_path))
    health = health_of(health_edge.plan)
    assert health is not None
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == (
        f"{health_edge.url} serves routes.yaml: routes {health.routes}, built by {health.build}\n"
        "routes.test.yaml: 6 tests, 4 passed, 2 skipped\n"
    )
    for reason in ("the backend 'origin' would get its request", "only Fanout can send its request"):
        assert reason in result.stderr


def test_a_service_with_other_routes_is_not(health_edge: Edge, tmp_path: Path) -> None:
    """It says that the hashes differ, and which test shows it."""
    result = verify(health_edge, copied_routes(health_edge, tmp_path, 'body: "hello\\n"', 'body: "good bye\\n"'))
    assert result.returncode == 1
    assert f"error: {health_edge.url} serves other routes than routes.yaml: " in result.stderr
    assert "GET http://www.example.com/hello: the edge answers 'hello\\n', not 'good bye\\n'" in result.stderr
    assert "6 tests, 3 passed, 1 failed, 2 skipped" in result.stdout


def test_a_change_that_no_test_shows_is_found(health_edge: Edge, tmp_path: Path) -> None:
    result = verify(health_edge, copied_routes(health_edge, tmp_path, 'where: {room: "[a-z]+"}', 'where: {room: "[a-y]+"}'))
    assert result.returncode == 1
    assert "serves other routes than routes.yaml" in result.stderr
    assert "6 tests, 4 passed, 2 skipped" in result.stdout


def test_routes_without_health_are_no_service_to_verify(edge: Edge, health_edge: Edge, tmp_path: Path) -> None:
    """The repository's own routes have none: the edge that serves them answers something else."""
    if edge.name != health_edge.name:
        pytest.skip("the two edges are of the same kind in another case")
    result = verify(edge, copied_routes(health_edge, tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert "which is not the answer of 'health'" in result.stderr
    own = verify(health_edge, edge.folder)
    assert (own.returncode, own.stdout) == (1, "")
    assert own.stderr == "error: routes.yaml has no 'health': add 'health: /-/healthz', and publish the service\n"


@pytest.mark.parametrize("example", EXAMPLES["verify"])
def test_an_example_of_verify_works(health_edge: Edge, example: str, tmp_path: Path) -> None:
    """The edge serves the file in production, so its staging is another one."""
    text = copied_routes(health_edge, tmp_path)
    with (text / "routes.yaml").open("a") as routes:
        routes.write("environments:\n  staging: {service: {name: health-staging}}\n")
    url = next(word for word in example.split() if "://" in word)
    code, output = done(example.replace(url, health_edge.url), tmp_path)
    assert code == ("--env" in example), output
    assert json.dumps(health_edge.url)[1:-1] in output
