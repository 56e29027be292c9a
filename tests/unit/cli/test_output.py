"""A line has colours on a terminal only, and JSON has standard output for itself if a command says so."""

import click
import pytest
from click.testing import CliRunner, Result

from fanroute.cli.output import conceal, conceal_in_text, reserve_output_for_json, say, say_command, say_json, say_styled


def printed(*spans: tuple[str, str], variable: str = "") -> str:
    """Returns what is printed for a line with styles."""

    @click.command()
    def command() -> None:
        if variable:
            conceal({variable: "${HOST}"})
        say_styled(spans)

    result = CliRunner().invoke(command)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_pipe_gets_no_colours() -> None:
    assert printed(("12:00 ", "dim"), ("200", "green"), (" \x1b[2J\n", "")) == "12:00 200 \\x1b[2J\\n\n"


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of others does not become a style or an escape sequence."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    line = printed(("200", "green"), (" [red]\x1b[2J :smile:", ""))
    assert line == "\x1b[32m200\x1b[0m [red]\\x1b[2J :smile:\n"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in printed(("200", "green"))


@pytest.mark.parametrize("forced", ["", "1"])
def test_a_value_is_concealed_across_styles(monkeypatch: pytest.MonkeyPatch, forced: str) -> None:
    monkeypatch.setenv("FORCE_COLOR", forced) if forced else monkeypatch.delenv("FORCE_COLOR", raising=False)
    line = printed(("GET ", "dim"), ("secret.exam", "green"), ("ple.net/", ""), variable="secret.example.net")
    assert "secret.exam" not in line and "GET " in line


def test_json_has_standard_output_for_itself() -> None:
    @click.command()
    def command() -> None:
        say("before")
        reserve_output_for_json()
        say("after")
        say_command("run")
        say_styled([("styled", "green")])
        say_json('{"a": 1}')

    result: Result = CliRunner().invoke(command)
    assert (result.stdout, result.stderr) == ('before\n{"a": 1}\n', "after\nrun\nstyled\n")
    assert conceal_in_text("outside of a command") == "outside of a command"
