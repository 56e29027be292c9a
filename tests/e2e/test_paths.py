"""Paths that an origin or Fanout can read as those of another route: the edge forwards none of them."""

import pytest

from tests.e2e.conftest import Edge, edge_of
from tests.e2e.origin import Origin
from tests.e2e.test_hard import UPGRADE, ask

paths_edge = edge_of("paths")

WAYS = ["handoff", "forward", "tunnel"]
# For some server, each of them is the private path.
AROUND = [
    "public/../private/x",
    "./private/x",
    "public/%2e%2e/private/x",
    "public/.%2E/private/x",
    "public/..;/private/x",
    "public/..;a=b/private/x",
    "public/..%3b/private/x",
    "public%2F..%2Fprivate/x",
    "public/%2e%2e%2fprivate/x",
    "public\\..\\private/x",
    "public/..\\private/x",
    "public%5c..%5Cprivate/x",
    "%2e/private/x",
    "private%00/x",
    "private%0a/x",
    "private%7f/x",
    "/private/x",
    "public//..//private/x",
    "private%2Fx",
    "private;/x",
    "private;a=b/x",
    "private%3Ba/x",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", AROUND)
def test_no_path_gets_around_a_route(paths_edge: Edge, origin: Origin, way: str, path: str) -> None:
    before = len(origin.targets), [*origin.targets]
    answer, content = ask(paths_edge, f"GET /{way}/{path}", UPGRADE if way == "tunnel" else ())
    assert (answer.status, content[:9]) == (400, "The path ")
    assert (len(origin.targets), [*origin.targets]) == before


@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize(
    "path", ["public/.well-known/x", "public/a..b/...", "public/", "public/%252e%252e/x", "public/x?/../private"]
)
def test_other_paths_arrive(paths_edge: Edge, origin: Origin, way: str, path: str) -> None:
    answer, _ = ask(paths_edge, f"GET /{way}/{path}", ())
    assert answer.status == 200
    assert origin.targets[-1].endswith(f"/{way}/{path}")


@pytest.mark.parametrize("way", WAYS)
def test_a_private_path_asks_for_a_token(paths_edge: Edge, way: str) -> None:
    answer, _ = ask(paths_edge, f"GET /{way}/private/x", UPGRADE if way == "tunnel" else ())
    assert answer.status == 401
