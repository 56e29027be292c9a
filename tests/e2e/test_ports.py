"""If a port is taken, `serve` uses another one and says so."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fanroute.doctor.machine import port_owner
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import EDGES, running
from tests.support.builds import copied


@pytest.fixture
def taken() -> Iterator[tuple[int, int]]:
    """Two ports on which another server listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        port, publish_port = (listening.getsockname()[1] for listening in sockets)
        yield port, publish_port


@pytest.mark.parametrize("name", EDGES)
def test_a_taken_port_is_told_with_the_one_that_is_used(
    name: str, taken: tuple[int, int], own_project: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "taken"
    copied(own_project, folder)
    port, publish_port = taken
    with running(name, folder, "--port", str(port), "--publish-port", str(publish_port)) as edge:
        told = edge._wait_for(r"(warning: the publish port .*)")
        output = "".join(edge.output)
        owner = port_owner(port)  # of this process, which the warning names
        assert owner.startswith(f"process {os.getpid()} (")
        assert f"warning: the port {port} is taken by {owner}: using {edge.port} instead (--port chooses another)\n" in output
        got = re.search(r":(\d+)/", edge.publish_url)
        assert (
            got
            and told
            == f"warning: the publish port {publish_port} is taken by {owner}: "
            f"using {got[1]} instead (--publish-port chooses another)"
        )
        assert edge.client.get("/test/other", headers={"Host": "fanroute-starter.edgecompute.app"}).status_code == 404
        edge.publish("test", http_stream={"content": "hello"})
