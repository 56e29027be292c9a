"""Runs the commands of what `fanroute init` makes for other programs: GitHub's workflow, Git's hooks, and the containers.

The steps of the workflow run here as GitHub runs them, with a pull request that changes a route. Programs that need a network are
stand-ins, which note how they are called.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fanroute import __version__
from fanroute.devserver.ports import free_ports

COMMIT = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-a", "-m", "a"]
STAND_INS = ("pip", "npm", "gh", "fastly")
# A pull request of the repository's own branch, and a push to its main branch: what the conditions of jobs and steps ask.
PULL_REQUEST = {
    "github.event_name == 'pull_request'": True,
    "github.event_name == 'push'": False,
    "github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository": True,
}
PUSH = {condition: not holds for condition, holds in PULL_REQUEST.items()}
EXPRESSIONS = {"github.token": "the-token", "github.event.number": "12", "secrets.FASTLY_API_TOKEN": "the-secret"}


class Repository:
    """Represents a clone of a repository on GitHub's runner, whose branch `main` is a new folder of `fanroute init`."""

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "work"
        self.temporary = parent / "temp"
        self.temporary.mkdir()
        self.programs = parent / "programs"
        self.programs.mkdir()
        for name in STAND_INS:
            program = self.programs / name
            program.write_text('#!/bin/sh\necho "$(basename "$0") $*" >> "$(dirname "$0")/called"\n')
            program.chmod(0o755)
        init = [sys.executable, "-P", "-m", "fanroute", "init", "work", "--template", "chat"]
        subprocess.run(init, cwd=parent, check=True, capture_output=True)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.commit()
        self.workflow: dict[str, Any] = yaml.safe_load((self.folder / ".github/workflows/edge.yaml").read_text())

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True)

    def commit(self) -> None:
        """Commits what has changed. Without another remote, this is `main` on GitHub, too."""
        self.git(*COMMIT)
        self.git("update-ref", "refs/remotes/origin/main", "main")

    @property
    def called(self) -> list[str]:
        """Returns how the stand-ins have been called, a line for each call."""
        called = self.programs / "called"
        return called.read_text().splitlines() if called.exists() else []

    @property
    def summary(self) -> str:
        return (self.temporary / "summary").read_text()

    def run(self, job: str, event: Mapping[str, bool], **expressions: str) -> dict[str, subprocess.CompletedProcess[str]]:
        """Runs the steps of a job for an event, until one fails. Returns each that has run, by its name."""
        done: dict[str, subprocess.CompletedProcess[str]] = {}
        values = EXPRESSIONS | expressions
        for step in self.workflow["jobs"][job]["steps"]:
            if "uses" in step or not event.get(step.get("if", ""), "if" not in step):
                continue
            given = {name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], text) for name, text in step_env(step)}
            environment = self.workflow["env"] | {
                "GITHUB_BASE_REF": "main",
                "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
                "RUNNER_TEMP": str(self.temporary),
                "PATH": f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            }
            # As GitHub runs it: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax (`shell`).
            command = ["bash", "-e", "-c", step["run"]]
            done[step["name"]] = ran = subprocess.run(
                command, cwd=self.folder, env=os.environ | environment | given, capture_output=True, text=True, check=False
            )
            if ran.returncode:
                break
        return done


def step_env(step: dict[str, Any]) -> list[tuple[str, str]]:
    return list(step.get("env", {}).items())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_pull_request_is_checked_and_told_what_it_changes(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "change")
    for name, old, new in (
        ("routes.yaml", "keep_alive: 25s}\n  # The same", "keep_alive: 25s, max_message: 8KiB}\n  # The same"),
        ("routes.yaml", "/rooms/{room}/events", "/rooms/{room}/stream"),
        ("routes.test.yaml", "/events", "/stream"),
    ):
        file = repository.folder / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    repository.git(*COMMIT)
    done = repository.run("check", PULL_REQUEST)
    assert {name: ran.stderr for name, ran in done.items() if ran.returncode} == {}
    assert list(done) == [step["name"] for step in repository.workflow["jobs"]["check"]["steps"] if "run" in step]
    comment = (repository.temporary / "comment.md").read_text()
    assert comment == repository.summary
    begin, *changes, end = comment.removeprefix("### Requests that get another answer\n\n").splitlines()
    assert (begin, end) == ("````text", "````")
    told = "\n".join(changes)
    assert all(re.search(rf"^GET https://\S+/{last}", told, re.MULTILINE) for last in ("events", "stream", "socket")), told
    assert repository.called[0] == f"pip install fanroute=={__version__}"
    asked = f"gh pr comment 12 --edit-last --create-if-none --body-file {repository.temporary}/comment.md"
    assert repository.called[1:] == [asked]


def test_a_pull_request_that_changes_no_answer_says_so(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "change")
    routes = repository.folder / "routes.yaml"
    routes.write_text(routes.read_text().replace("room-events", "room-stream"))
    tests = repository.folder / "routes.test.yaml"
    tests.write_text(tests.read_text().replace("room-events", "room-stream"))
    done = repository.run("check", PULL_REQUEST)
    assert all(ran.returncode == 0 for ran in done.values()), done
    assert "\nNo request gets another answer.\n" in repository.summary


def test_routes_that_cannot_be_compared_do_not_fail(repository: Repository) -> None:
    """Tests a base branch whose routes have an error, which the pull request mends."""
    routes = repository.folder / "routes.yaml"
    mended = routes.read_text()
    routes.write_text(mended.replace("handoff", "handof").replace("forward: origin", "forwar: origin"))
    repository.commit()
    routes.write_text(mended)
    done = repository.run("check", PULL_REQUEST)
    assert all(ran.returncode == 0 for ran in done.values()), done
    assert "The routes of main cannot be compared." in repository.summary
    assert "unknown key 'forwar'" in done["Compare with the base branch"].stderr


@pytest.mark.parametrize(
    ("name", "old", "new", "step", "annotation"),
    [
        ("routes.yaml", "sse:", "see:", "Check the routes", "::error file=routes.yaml,line="),
        ("routes.yaml", "version: 1", "version:   1", "Check the format", ""),
        (
            "routes.test.yaml",
            "route: room-events, channel: room-blue",
            "route: room-socket",
            "Run the route tests",
            "::error file=",
        ),
    ],
)
def test_a_fault_fails_at_its_line(repository: Repository, name: str, old: str, new: str, step: str, annotation: str) -> None:
    file = repository.folder / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    done = repository.run("check", PULL_REQUEST)
    *_, (last, ran) = done.items()
    assert last == step and ran.returncode == 1
    assert annotation in ran.stdout
    assert not [call for call in repository.called if call.startswith("gh ")]


def test_the_main_branch_is_published_once_it_has_a_service(repository: Repository) -> None:
    assert repository.workflow["jobs"]["publish"]["if"] in PUSH
    assert repository.workflow["jobs"]["publish"]["needs"] == "check"
    assert not [name for name in repository.run("check", PUSH) if "Compare" in name or "Comment" in name]
    assert "::notice::" in repository.run("publish", PUSH)["Publish"].stdout
    assert not [call for call in repository.called if call.startswith("fastly ")]
    manifest = repository.folder / "fastly.toml"
    manifest.write_text(f'service_id = "7i6HN3TK9wS159v2gPAZ8A"\n{manifest.read_text()}')
    without = repository.run("publish", PUSH, **{"secrets.FASTLY_API_TOKEN": ""})["Publish"]
    assert without.returncode == 1 and without.stdout.startswith("::error::Add a token")
    done = repository.run("publish", PUSH)
    assert done["Publish"].returncode == 0, done
    assert repository.called[-1] == "fastly compute publish --non-interactive"
    assert "npm install --global @fastly/cli@16.1.0" in repository.called


def test_actions_are_those_of_a_commit(repository: Repository) -> None:
    """Tests that nobody can change what runs beside the token, except GitHub itself."""
    uses = [step["uses"] for job in repository.workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert len(uses) == 4
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", one) for one in uses)


def test_each_hook_passes_and_fails(repository: Repository) -> None:
    hooks = yaml.safe_load((repository.folder / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    routes, tests = repository.folder / "routes.yaml", repository.folder / "routes.test.yaml"
    faults = {
        "fanroute-fmt": (routes, "version: 1", "version:   1"),
        "fanroute-check": (routes, "sse:", "see:"),
        "fanroute-test": (tests, "channel: room-blue", "channel: room-red"),
    }
    assert [hook["id"] for hook in hooks] == list(faults)
    for hook in hooks:
        file, old, new = faults[hook["id"]]
        assert all(re.search(hook["files"], name) for name in ("routes.yaml", "routes.test.yaml", "edge/routes.yaml"))
        before = file.read_text()
        results = []
        for text in (before, before.replace(old, new, 1)):
            file.write_text(text)
            done = subprocess.run(
                [sys.executable, "-P", "-m", *shlex.split(hook["entry"])], cwd=repository.folder, capture_output=True, check=False
            )
            # A hook also fails if it has changed a file.
            results.append(done.returncode == 0 and file.read_text() == text)
        assert results == [True, False], hook
        file.write_text(before)


@pytest.mark.slow
def test_the_commands_of_the_containers_serve(repository: Repository) -> None:
    """Tests both commands, at an address of this machine alone in place of all."""
    dockerfile = (repository.folder / "Dockerfile").read_text()
    command = json.loads(re.findall(r"^CMD (.*)$", dockerfile, re.MULTILINE)[0])
    container = json.loads((repository.folder / ".devcontainer/devcontainer.json").read_text())
    assert shlex.split(container["postAttachCommand"]) == command
    assert container["postCreateCommand"].endswith(f" fanroute=={__version__}")
    assert f"ARG FANROUTE=fanroute=={__version__}\n" in dockerfile
    ports = [str(port) for port in container["forwardPorts"]]
    assert f"EXPOSE {' '.join(ports)}\n" in dockerfile
    assert command.count("0.0.0.0") == 1
    listening = [word.replace("0.0.0.0", "127.0.0.2") for word in command[1:]]
    serving = subprocess.Popen(
        [sys.executable, "-P", "-m", "fanroute", *listening, "--port=0", "--publish-port=0"],
        cwd=repository.folder,
        env=os.environ | {"PORT": str(free_ports(0)[0])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert serving.stdout
        port = next(found[1] for line in serving.stdout if (found := re.search(r"Serving work .*:(\d+) \(", line)))
        next(line for line in serving.stdout if "The server listens" in line)
        answer = httpx.get(f"http://127.0.0.2:{port}/", trust_env=False, timeout=60)
        assert answer.status_code == 200 and "<h1>Room" in answer.text
    finally:
        serving.send_signal(signal.SIGINT)
        told, _ = serving.communicate(timeout=60)
    assert serving.returncode == 0, told
