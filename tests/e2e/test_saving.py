"""A save is served: at once interpreted, then by the component. The tests share an edge and follow each other."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from fanroute.devserver.running import find_running
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import Edge, processes, running, wait_until
from tests.support.builds import copied, key_of

ROUTES = """\
version: 1
service: {name: saving}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true}
routes:
  - match: {path: /text}
    respond: {status: 200, body: "first"}
  - match: {path: /stream}
    public: true
    stream: {channel: saved}
"""
PAGE = "  - match: {path: /page}\n    respond: {status: 200, file: page.txt}\n"
OTHER = "  - match: {path: /other}\n    forward: {ACTION}\n"
GUARDED = """\
  - match: {path: /guarded}
    auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, token: {query: key}}
    respond: {status: 200, body: "in"}
"""
MANIFEST = 'manifest_version = 3\n[local_server.secret_stores]\nkeys = [{ key = "login", file = "login.key" }]\n'
SECRETS = ["a secret of thirty-two bytes, 1st", "a secret of thirty-two bytes, 2nd"]
# How long a build takes at most, in seconds.
BUILD_TIMEOUT = 180
# What begins each line about a save.
TIME = r"^[\d:.]{12} "
TAKEN_OVER = rf"{TIME}saved: served by the component after [\d.]+ (?:min \d+ )?s$"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("saving"), ROUTES)


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for the edge's temporary files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def saving_edge(folder: Path, temporary: Path) -> Iterator[Edge]:
    with running("embedded", folder, TMPDIR=str(temporary), OTHER_HOST="other.example.com") as edge:
        assert edge.client.get("/text").text == "first"
        yield edge


def written(folder: Path, routes: str) -> Path:
    """Writes a project to a folder, and returns that."""
    (folder / "routes.yaml").write_text(routes)
    (folder / "fastly.toml").write_text(MANIFEST)
    (folder / "login.key").write_text(SECRETS[0])
    return folder


def save(edge: Edge, text: str, name: str = "routes.yaml") -> None:
    """Saves a file as many editors do: a new file takes the place of the old one."""
    new = edge.folder / f".{name}.new"
    new.write_text(text)
    new.replace(edge.folder / name)


def saying(text: str, *further: str) -> str:
    """Returns the routes with another answer for /text, and further ones."""
    return ROUTES.replace("first", text) + "".join(further)


def printed(edge: Edge, pattern: str) -> list[str]:
    return re.findall(pattern, "".join(edge.output), re.MULTILINE)


def answers(edge: Edge, path: str, status: int, text: str) -> bool:
    answer = edge.client.get(path)
    return (answer.status_code, answer.text) == (status, text)


def test_a_save_is_served(saving_edge: Edge) -> None:
    save(saving_edge, saying("second"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "second"))
    wait_until(lambda: printed(saving_edge, rf"{TIME}saved: served after \d+ ms, interpreted until the component is built$"))


def test_warnings_are_told(saving_edge: Edge) -> None:
    save(saving_edge, saying("warned", "  - match: {path: /text}\n    respond: {status: 201}\n"))
    wait_until(lambda: printed(saving_edge, r"^routes\.yaml:\d+:\d+: warning\[FR301\]"))
    assert answers(saving_edge, "/text", 200, "warned")


def test_a_file_that_is_written_in_place_is_served(saving_edge: Edge) -> None:
    (saving_edge.folder / "routes.yaml").write_text(saying("in place"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "in place"))


def test_a_held_connection_stays(saving_edge: Edge) -> None:
    with saving_edge.client.stream("GET", "/stream") as held:
        save(saving_edge, saying("third").replace("/stream}", "/moved}"))
        wait_until(lambda: answers(saving_edge, "/text", 200, "third"))
        assert saving_edge.client.get("/stream").status_code == 404
        saving_edge.publish("saved", http_stream={"content": "still here\n"})
        assert next(held.iter_lines()) == "still here"


def test_a_wrong_save_is_told_and_not_served(saving_edge: Edge) -> None:
    save(saving_edge, saying("wrong").replace("respond:", "answer:"))
    wait_until(lambda: printed(saving_edge, r"^routes\.yaml:\d+:\d+: error\[FR\d+\]"))
    wait_until(lambda: printed(saving_edge, rf"{TIME}saved with \d errors?: what was served before is still served$"))
    assert answers(saving_edge, "/text", 200, "third")
    save(saving_edge, saying("third").replace("/stream}", "/moved}"))
    wait_until(lambda: printed(saving_edge, rf"{TIME}saved without errors: this is what is served$"))
    assert answers(saving_edge, "/text", 200, "third")


def test_each_wrong_file_is_told_at_once(saving_edge: Edge) -> None:
    """Also while another one is wrong."""
    good = saying("third").replace("/stream}", "/moved}")
    save(saving_edge, good.replace("respond:", "answer:"))
    wait_until(lambda: printed(saving_edge, r"unknown key 'answer'"))
    save(saving_edge, MANIFEST.replace("]", ""), "fastly.toml")
    wait_until(lambda: printed(saving_edge, rf"^fastly\.toml:\d+:\d+: error: .*\n{TIME}saved with 3 errors: "))
    save(saving_edge, good)
    wait_until(lambda: printed(saving_edge, rf"^fastly\.toml:\d+:\d+: error: .*\n{TIME}saved with 1 error: "))
    before = len(printed(saving_edge, r"saved without errors"))
    save(saving_edge, MANIFEST, "fastly.toml")
    wait_until(lambda: len(printed(saving_edge, r"saved without errors")) > before)
    assert answers(saving_edge, "/text", 200, "third")


def test_a_save_of_an_included_file_is_served(saving_edge: Edge) -> None:
    """Also if the file comes later than the item that includes it."""
    (saving_edge.folder / "teams").mkdir()
    save(saving_edge, saying("including", "  - include: teams/a.yaml\n"))
    wait_until(lambda: printed(saving_edge, r"^routes\.yaml:\d+:\d+: error\[FR273\]"))
    for text in ("one", "two"):
        included = f"routes:\n  - match: {{path: /included}}\n    respond: {{status: 200, body: {text}}}\n"
        (saving_edge.folder / "teams" / "a.yaml").write_text(included)
        wait_until(lambda text=text: answers(saving_edge, "/included", 200, text))  # type: ignore[misc]
    (saving_edge.folder / "teams" / "a.yaml").write_text("routes:\n  - respon: {}\n")
    wait_until(lambda: printed(saving_edge, r"^teams/a\.yaml:2:5: error\[FR201\]"))
    assert answers(saving_edge, "/included", 200, "two")
    save(saving_edge, saying("in place"))
    wait_until(lambda: answers(saving_edge, "/included", 404, "No route matches this request.\n"))


def test_other_commands_know_the_new_hosts(saving_edge: Edge) -> None:
    text = saying("hosted").replace("{loopback: true}", "{loopback: true, host: new.example.com}")
    save(saving_edge, text.replace("match: {path: /text}", "match: {host: new.example.com, path: /text}"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "hosted"))
    found = find_running(Workspace(saving_edge.folder / "routes.yaml"))
    assert found.hosts is not None and set(found.hosts.values()) == {"new.example.com"}


def test_a_file_that_is_named_may_come_later_and_change(saving_edge: Edge) -> None:
    save(saving_edge, saying("page", PAGE))
    wait_until(lambda: printed(saving_edge, r"error\[FR211\]: the file 'page.txt' cannot be read"))
    for text in ("one", "two"):
        (saving_edge.folder / "page.txt").write_text(text)
        wait_until(lambda text=text: answers(saving_edge, "/page", 200, text))
    assert answers(saving_edge, "/text", 200, "page")


def test_backends_follow(saving_edge: Edge) -> None:
    """A new backend without a local URL has the embedded origin in its place."""
    backend = '  self: {loopback: true}\n  other: {url: "https://${OTHER_HOST}"}\n'
    text = saying("other", OTHER.replace("{ACTION}", "other")).replace("  self: {loopback: true}\n", backend)
    save(saving_edge, text)
    wait_until(lambda: "embedded origin" in saving_edge.client.get("/other").text)
    save(saving_edge, text.replace('OTHER_HOST}"', 'OTHER_HOST}", local: "http://127.0.0.1:9"'))
    wait_until(lambda: saving_edge.client.get("/other").status_code == 502)


def test_stores_are_read_again_and_tokens_are_hidden(saving_edge: Edge) -> None:
    tokens = [jwt.encode({"exp": 4_102_444_800}, secret, "HS256") for secret in SECRETS]
    save(saving_edge, saying("guarded", GUARDED))
    wait_until(lambda: answers(saving_edge, "/text", 200, "guarded"))
    assert answers(saving_edge, f"/guarded?key={tokens[0]}", 200, "in")
    assert saving_edge.client.get(f"/guarded?key={tokens[1]}").status_code == 401
    (saving_edge.folder / "login.key").write_text(SECRETS[1])
    wait_until(lambda: answers(saving_edge, f"/guarded?key={tokens[1]}", 200, "in"))
    assert saving_edge.client.get(f"/guarded?key={tokens[1]}").headers["fanroute-route"] == "route-3"
    assert saving_edge.client.get(f"/guarded?key={tokens[0]}").status_code == 401
    save(saving_edge, saying("unguarded"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "unguarded"))
    assert saving_edge.client.get(f"/guarded?key={tokens[0]}").status_code == 404
    wait_until(lambda: printed(saving_edge, r" 404 GET /guarded\?key=… → "))
    assert not [token for token in tokens if token in "".join(saving_edge.output)]


def test_a_build_that_fails_is_told(saving_edge: Edge) -> None:
    """The routes are served all the same, and the last component stays."""
    app, component = saving_edge.folder / "build" / "app", saving_edge.folder / "bin" / "main.wasm"
    before = component.read_bytes()
    app.rename(saving_edge.folder / "kept")
    app.symlink_to(saving_edge.folder / "kept")
    save(saving_edge, saying("unbuilt"))
    wait_until(lambda: printed(saving_edge, rf"^error: .*\n  .*FR517(.*\n)*{TIME}the component could not be built: "))
    assert answers(saving_edge, "/text", 200, "unbuilt")
    assert component.read_bytes() == before
    app.unlink()


@pytest.mark.slow
def test_the_component_of_the_last_of_many_saves_takes_over(saving_edge: Edge, temporary: Path) -> None:
    """Builds that are overtaken end, and leave nothing behind. A request sees one save or another, whole."""
    before = len(printed(saving_edge, TAKEN_OVER))
    component = (saving_edge.folder / "bin" / "main.wasm").read_bytes()
    for number in range(20):
        save(saving_edge, saying(f"number {number}"))
        time.sleep(0.1 * (number % 5))  # some come while another is being read
        assert re.fullmatch(r"unbuilt|number \d+", saving_edge.client.get("/text").text)
    wait_until(lambda: answers(saving_edge, "/text", 200, "number 19"))
    deadline = time.monotonic() + BUILD_TIMEOUT
    while len(printed(saving_edge, TAKEN_OVER)) == before:
        assert time.monotonic() < deadline, saving_edge.recent_log()
        assert answers(saving_edge, "/text", 200, "number 19")
        time.sleep(0.2)
    assert answers(saving_edge, "/text", 200, "number 19")
    workspace = Workspace(saving_edge.folder / "routes.yaml")
    assert workspace.built_component(key_of(workspace))[0] == workspace.read_wasm() != component
    assert list(temporary.iterdir()) == []
    assert [path.name for path in (saving_edge.folder / "build").glob(".*")] == []
    assert len(processes(saving_edge)) == 1


@pytest.mark.slow
def test_a_routes_yaml_whose_component_is_built_needs_no_build(saving_edge: Edge) -> None:
    """Undoing a change brings the component back at once."""
    by_component = rf"{TIME}saved: served by the component after \d+ ms$"
    before = len(printed(saving_edge, by_component))
    save(saving_edge, saying("number 20"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "number 20"))
    save(saving_edge, saying("number 19"))
    wait_until(lambda: answers(saving_edge, "/text", 200, "number 19"))
    wait_until(lambda: len(printed(saving_edge, by_component)) > before)


def test_programs_read_of_saves(own_project: Workspace, tmp_path: Path) -> None:
    workspace = copied(own_project, tmp_path / "own")
    good = workspace.routes.read_text()

    def told(edge: Edge, outcome: str) -> list[dict[str, Any]]:
        events = [json.loads(line) for line in edge.output if line.startswith("{")]
        return [event for event in events if event["kind"] == "saved" and event["outcome"] == outcome]

    with running("embedded", workspace.routes.parent, "--format=json") as edge:
        workspace.routes.write_text(good.replace("handoff: origin", "handoff: orgin"))
        wait_until(lambda: told(edge, "wrong"))
        (event,) = told(edge, "wrong")
        (problem,) = event["problems"]
        assert problem["code"] == "FR203" and (problem["file"], problem["line"], problem["column"]) == ("routes.yaml", 28, 14)
        assert problem["shown"].startswith(f"routes.yaml:28:14: error[FR203]: {problem['message']}\n")
        workspace.manifest.write_text("[")
        wait_until(lambda: len(told(edge, "wrong")) == 2)
        assert [one["file"] for one in told(edge, "wrong")[1]["problems"]] == ["routes.yaml", "fastly.toml"]
        workspace.routes.write_text(good)
        workspace.manifest.write_text("manifest_version = 3\n")
        wait_until(lambda: told(edge, "unchanged"))
        workspace.routes.write_text(good.replace("everything-else", "rest"))
        wait_until(lambda: told(edge, "interpreted"))
        (served,) = told(edge, "interpreted")
        assert 0 < served["milliseconds"] < 60_000 and served["problems"] == []


def test_nothing_is_watched_without_watch(folder: Path, tmp_path: Path) -> None:
    for name in ("routes.yaml", "fastly.toml", "login.key"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "routes.yaml").write_text(ROUTES)
    with running("embedded", tmp_path, "--no-watch") as edge:
        assert answers(edge, "/text", 200, "first")
        assert not watches(edge)


def test_folders_are_watched(saving_edge: Edge) -> None:
    assert watches(saving_edge)


def watches(edge: Edge) -> bool:
    """Returns True if the system tells the edge's process of changes."""
    descriptors = Path(f"/proc/{processes(edge)[0]}/fd").iterdir()
    return any(each.readlink() == Path("anon_inode:inotify") for each in descriptors)
