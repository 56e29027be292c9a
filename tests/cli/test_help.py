"""Tests the help of the commands, and their completion in shells."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fanroute.cli import SECTIONS, main
from fanroute.cli.catalog import CODES

BIN = Path(sys.executable).parent
NAMES = [name for names in SECTIONS.values() for name in names]
COMMANDS = [command for name in NAMES if (command := main.get_command(click.Context(main), name))]


def completed(shell: str, *words: str) -> str:
    """Returns what a shell's completion offers for the last word."""
    # fish tells the word itself where the others tell its number.
    current = words[-1] if shell == "fish" else str(len(words))
    line = " ".join(["fanroute", *words])
    environment = {"_FANROUTE_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": current}
    return CliRunner().invoke(main, [], prog_name="fanroute", env=environment).output


def test_the_commands_are_listed_in_order() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    names = re.findall(r"^  ([a-z][a-z-]*)  ", shown, re.MULTILINE)
    assert names == NAMES == [command.name for command in COMMANDS]
    assert re.findall(r"^(\w+):$", shown, re.MULTILINE) == ["Options", *SECTIONS]
    assert "..." not in shown.partition("\n")[2], "each is said in full"
    assert "Exit codes: 0 done, 1" in shown


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_has_examples(command: click.Command) -> None:
    """Tests that a command's examples are calls of that command, with arguments that it accepts."""
    shown = CliRunner().invoke(main, [command.name or "", "--help"]).output
    examples = re.findall(r"^    (?:.*\| |eval \"\$\()?(fanroute [^>\n)]+)", shown.partition("Examples:\n")[2], re.MULTILINE)
    assert examples
    for example in examples:
        _, name, *arguments = shlex.split(example)
        assert name == command.name
        command.make_context(name, arguments, parent=click.Context(main))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(shell: str) -> None:
    assert "explain" in completed(shell, "ex") and "check" not in completed(shell, "ex")
    assert "--format" in completed(shell, "check", "--for")
    assert "github" in completed(shell, "check", "--format", "g")
    assert "notifications" in completed(shell, "init", "--template", "n")
    assert set(re.findall(r"FR\d+", completed(shell, "explain", "fr2"))) == {code for code in CODES if code.startswith("FR2")}
    assert "file" in completed(shell, "check", "x")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_the_script(tmp_path: Path, shell: str) -> None:
    """Tests each shell that is installed; bash always is."""
    done = subprocess.run([BIN / "fanroute", "completion", shell], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"_FANROUTE_COMPLETE={shell}_complete" in done.stdout
    if shutil.which(shell):
        read = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, text=True, check=True)
        assert read.stderr == ""


def test_bash_completes(tmp_path: Path) -> None:
    """Tests the completion in bash as if somebody were typing."""
    script = """
    eval "$(fanroute completion bash)"
    COMP_WORDS=(fanroute explain FR20) COMP_CWORD=2
    _fanroute_completion fanroute
    echo "${COMPREPLY[@]}"
    complete -p fanroute
    """
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    offered, registered = done.stdout.splitlines()
    assert offered.split() == [code for code in CODES if code.startswith("FR20")]
    assert "_fanroute_completion" in registered


def test_another_shell_is_wrong_usage() -> None:
    done = CliRunner().invoke(main, ["completion", "tcsh"])
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.output
