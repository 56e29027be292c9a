"""Tests how a running local edge is found: by a file that counts only as long as its process keeps it locked."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import FoundEdge, announce, find_running
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.workspace import Workspace
from tests.conftest import names

ONE, OTHER = EdgeUrls("http://127.0.0.1:1", "http://127.0.0.1:2/publish/"), EdgeUrls("http://a", "http://b/publish/")
HOSTS = {"host localhost": "chat.example.com"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "routes.yaml")


def test_an_edge_is_found_while_it_runs(workspace: Workspace, tmp_path: Path) -> None:
    assert find_running(workspace) == FoundEdge()
    assert names(tmp_path) == [], "looking leaves nothing"
    with announce(workspace, ONE, HOSTS):
        assert find_running(workspace) == FoundEdge(ONE.edge, ONE.publish, HOSTS, is_certain=True)
        assert find_running(workspace).is_certain, "also for the second time"
    assert find_running(workspace) == FoundEdge()
    assert names(tmp_path / "build") == []


def test_of_two_edges_the_newer_one_is_found(workspace: Workspace, tmp_path: Path) -> None:
    with announce(workspace, ONE, {}):
        with announce(workspace, OTHER, {}):
            assert find_running(workspace).edge == OTHER.edge
        assert not find_running(workspace).is_certain
    with announce(workspace, OTHER, {}):
        older = announce(workspace, ONE, {})
        older.__enter__()
        with announce(workspace, OTHER, {}):
            older.__exit__(None, None, None)
            assert find_running(workspace).edge == OTHER.edge, "the older one removes only its own file"
    assert names(tmp_path / "build") == []


def test_the_hosts_can_change(workspace: Workspace) -> None:
    with announce(workspace, ONE, HOSTS) as replace:
        for hosts in ({"host localhost": "a.example.com"}, {}, {"host localhost": "long." * 20, "host 127.0.0.1": "b"}):
            replace(hosts)
            assert find_running(workspace) == FoundEdge(ONE.edge, ONE.publish, hosts, is_certain=True)
        with announce(workspace, OTHER, {}):
            replace(HOSTS)
            assert find_running(workspace).edge == OTHER.edge, "the newer one is still found"


def test_a_file_that_is_left_behind_is_not_believed(workspace: Workspace, tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.running import announce
from fanroute.project.workspace import Workspace
with announce(Workspace(Path({str(tmp_path)!r}) / "routes.yaml"), EdgeUrls("http://a", "http://b"), {{}}):
    print("ready", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-P", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        assert find_running(workspace) == FoundEdge("http://a", "http://b", {}, is_certain=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert names(tmp_path / "build") == ["serving.json"]
    assert find_running(workspace) == FoundEdge(left_behind=True)
    with announce(workspace, ONE, {}):
        assert find_running(workspace).edge == ONE.edge
    assert names(tmp_path / "build") == []


def test_a_file_of_a_cloned_folder_is_not_believed(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    evil = {"edge": "http://evil.example.com", "publish": "http://evil.example.com/publish/", "hosts": {}}
    (tmp_path / "build/serving.json").write_text(json.dumps(evil))
    assert find_running(workspace) == FoundEdge(left_behind=True)


def test_no_link_is_followed(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "build/serving.json").symlink_to(tmp_path / "victim")
    with pytest.raises(Invalid, match="is a link"):
        workspace.refuse_links()
    with pytest.raises(Invalid, match="is a link"), announce(workspace, ONE, {}):
        pass
    with pytest.raises(Invalid, match="is a link"):
        find_running(workspace)
    assert (tmp_path / "victim").read_bytes() == b"precious"
