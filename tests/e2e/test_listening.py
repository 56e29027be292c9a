"""`fanroute serve --listen`: which of the edge's ports are at the further address, and who may use them there."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.devserver.addresses import is_own, listened_at
from fanroute.devserver.ports import free_ports
from fanroute.project.workspace import Workspace
from tests.conftest import OWN_HOST
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, Edge, running, wait_until
from tests.e2e.test_console import url_of
from tests.support.builds import copied

# Every address of 127.0.0.0/8 is this machine's own on Linux, and only this machine's.
FURTHER = "127.0.0.2"


@pytest.fixture(scope="module", params=EDGES)
def listening_edge(
    request: pytest.FixtureRequest, own_project: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    folder = copied(own_project, tmp_path_factory.mktemp("listening") / "own").routes.parent
    with running(request.param, folder, "--listen", FURTHER) as edge:
        yield edge


def test_both_addresses_serve_and_publish(listening_edge: Edge) -> None:
    urls = [listening_edge.url.replace("127.0.0.1", address) for address in ("127.0.0.1", FURTHER)]
    for url in urls:
        publish_url = listening_edge.publish_url.replace("127.0.0.1", urlsplit(url).hostname or "")
        with listening_edge.client.stream("GET", f"{url}/test/stream", headers={"Host": OWN_HOST}) as answer:
            formats = {"http-stream": {"content": f"by {url}\n"}}
            published = listening_edge.client.post(publish_url, json={"items": [{"channel": "test", "formats": formats}]})
            assert published.status_code == 200
            assert next(answer.iter_lines()) == f"by {url}"
    assert f"  and at {FURTHER}, with the same ports\n" in "".join(listening_edge.output)
    assert "opens this edge" not in "".join(listening_edge.output)


def test_pages_of_others_cannot_publish_there_either(listening_edge: Edge) -> None:
    url = listening_edge.publish_url.replace("127.0.0.1", FURTHER)
    for headers in ({"Host": "evil.example.com"}, {"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}):
        assert listening_edge.client.post(url, json={"items": []}, headers=headers).status_code == 403


def test_the_console_and_all_other_ports_stay_here(listening_edge: Edge) -> None:
    port = urlsplit(url_of(listening_edge)).port
    with pytest.raises(httpx.ConnectError):
        listening_edge.client.get(f"http://{FURTHER}:{port}/")
    assert listening_edge.client.get(url_of(listening_edge)).status_code == 303


def test_a_port_that_is_taken_at_one_address_is_used_at_none(own_project: Workspace, tmp_path: Path) -> None:
    folder = copied(own_project, tmp_path / "own").routes.parent
    [port] = free_ports(0, addresses=listened_at(FURTHER))
    with socket.create_server((FURTHER, port)), running("embedded", folder, "--listen", FURTHER, "--port", str(port)) as edge:
        assert edge.port != port
        with socket.create_connection((FURTHER, edge.port), timeout=ANSWER_TIMEOUT):
            pass
        wait_until(lambda: f"warning: the port {port} is " in "".join(edge.output))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("localhost", "'localhost' is not an IP address: write 127.0.0.1, or 0.0.0.0 for all of this machine"),
        # An address for documentation (RFC 5737).
        ("192.0.2.1", "this machine does not have the address 192.0.2.1"),
    ],
)
def test_an_address_of_another_machine_is_told(address: str, reason: str) -> None:
    done = CliRunner().invoke(main, ["serve", "--listen", address])
    assert done.exit_code == 2 and reason in " ".join(done.output.split()), done.output


def test_an_address_for_all_is_listened_at_alone() -> None:
    """Tests that nothing else is bound: it covers 127.0.0.1. No server is started, because others could reach it."""
    assert listened_at("0.0.0.0") == ("0.0.0.0",)
    assert listened_at("127.0.0.1") == ("127.0.0.1",)
    assert listened_at("::1") == ("127.0.0.1", "::1")
    assert is_own("127.0.0.1") and not is_own("192.0.2.1")
