"""Tests the commands in the documents: each exists with its options, and those with an output print that output."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

from fanroute.cli import main
from tests.conftest import REPOSITORY
from tests.repository.test_snippets import SNIPPETS
from tests.support.snippets import Snippet, key_files

SHELL = [snippet for snippet in SNIPPETS if snippet.language == "sh"]
CONSOLES = [snippet for snippet in SNIPPETS if snippet.language == "console"]


def calls(snippet: Snippet) -> Iterator[list[str]]:
    """Yields the words of each call of a program in a block, without variables and redirections."""
    text = snippet.text.replace("\\\n", " ")
    lines = re.findall(r"^\$ (.*)", text, re.MULTILINE) if snippet.language == "console" else text.splitlines()
    for line in lines:
        inner = re.findall(r"\$\(([^()]*)\)", line)
        for command in (re.sub(r"\$\([^()]*\)", "VALUE", line), *inner):
            yield from _words(command)


def _words(command: str) -> Iterator[list[str]]:
    """Yields the words of each call in a line: pipes, lists and redirections end one."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    call: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            yield call
            call = []
        elif call or not re.match(r"[A-Z_]+=", word):
            call.append(word)
    yield call


FANROUTE = [
    pytest.param(call[1:], id=f"{snippet}-{number}")
    for snippet in (*SHELL, *CONSOLES)
    for number, call in enumerate(calls(snippet))
    if call and Path(call[0]).name == "fanroute"
]
FASTLY = [
    pytest.param(call[1:], id=f"{snippet}-{number}")
    for snippet in SHELL
    for number, call in enumerate(calls(snippet))
    if call and call[0] == "fastly"
]


@pytest.mark.parametrize("words", FANROUTE)
def test_a_command_of_fanroute_exists(words: list[str]) -> None:
    command = main.get_command(click.Context(main), words[0]) if not words[0].startswith("-") else main
    assert command, f"no command {words[0]}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= known


@pytest.mark.slow
@pytest.mark.parametrize("words", FASTLY)
def test_a_command_of_fastly_exists(words: list[str]) -> None:
    """Asks the real Fastly CLI for its help."""
    command = tuple(words[: next((place for place, word in enumerate(words) if word.startswith("-")), len(words))])
    known = fastly_help(command)
    used = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert [option for option in used if not re.search(rf"(?<![\w-]){option}(?![\w-])", known)] == []


@cache
def fastly_help(command: tuple[str, ...]) -> str:
    assert "FASTLY_CLI" in os.environ, "run `make test` or `make docs`, which install the Fastly CLI"
    program = Path(os.environ["FASTLY_CLI"]) / "node_modules" / ".bin" / "fastly"
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, timeout=120, check=False)
    told = done.stdout + done.stderr
    assert f"fastly {' '.join(command)} " in told, told
    return told


@pytest.mark.parametrize("snippet", CONSOLES, ids=str)
def test_an_output_is_what_is_printed(snippet: Snippet, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Runs the commands in a folder with the files that the page has shown before. `--update` writes what they print."""
    write_files(snippet, tmp_path)
    printed = ""
    for command in re.findall(r"^\$ (.*)", snippet.text, re.MULTILINE):
        words = shlex.split(command)
        assert words[0] == "fanroute"
        done = subprocess.run(
            [sys.executable, "-P", "-m", *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "130"},
            text=True,
            timeout=120,
            check=False,
        )
        printed += f"$ {command}\n{done.stdout}"
    if request.config.getoption("--update"):
        page = REPOSITORY / snippet.page
        page.write_text(page.read_text(encoding="utf-8").replace(snippet.text, printed), encoding="utf-8")
    else:
        assert printed == snippet.text


def write_files(snippet: Snippet, folder: Path) -> None:
    """Writes the whole files that the page shows before a snippet; of those with one name, the last one."""
    for one in SNIPPETS:
        if one.page != snippet.page or one.line > snippet.line or one.language != "yaml":
            continue
        if one.is_whole or one.file != "routes.yaml":
            (folder / one.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / one.file).write_text(one.text, encoding="utf-8")
        if one.is_whole:
            for name, key in key_files(yaml.safe_load(one.text)):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(key)


def test_there_are_commands() -> None:
    assert len(FANROUTE) > 30 and len(FASTLY) > 3
