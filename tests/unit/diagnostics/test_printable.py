"""Tests that text from others is escaped wherever it is printed."""

import json
import logging
from contextlib import nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fanroute.cli import main
from fanroute.cli.edges import _libraries_logged
from fanroute.cli.output import fail, print_table, remark, say, say_text
from fanroute.diagnostics.printable import printable, printable_json

# What a terminal obeys: escape sequences, also as one byte, line ends, bidi controls, and what cannot be seen.
OBEYED = "\x1b[2J \x1b]0;title\x07 \x9b31m \r \n \x08 \x7f \u202e \u2066 \u200b \u2028 \ufeff \udc9b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a → é 😀 x", "a → é 😀 x"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("a\u200bb\xa0c\xad", "a\\u200bb\\xa0c\\xad"),
        ("\udc9b", "\\udc9b"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_escaped(text: str, told: str) -> None:
    assert printable(text) == told


@given(st.text(st.characters(codec=None)))
def test_any_text_is_one_printable_line(text: str) -> None:
    told = printable(text)
    assert told.isprintable()
    assert printable(told) == told
    assert text.isprintable() <= (told == text)
    assert "\n".join(map(printable, text.split("\n"))) == printable(text, "\n")


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_data(data: object) -> None:
    told = printable_json(json.dumps(data, ensure_ascii=False, indent=2))
    assert json.loads(told) == data
    assert told.replace("\n", "").isprintable()


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    return out + err


@pytest.mark.parametrize("print_", [say, remark, say_text, fail, lambda text: print_table(["column"], [[text]])])
def test_every_way_to_print_escapes(print_, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) if print_ is fail else nullcontext():
        print_(OBEYED)
    told = printed(capsys)
    assert told.replace("\n", "").isprintable()
    assert "x1b[2J" in told


def test_what_libraries_log_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests the log of aiohttp, which writes unexpected exceptions together with the request."""
    with _libraries_logged():
        try:
            raise ValueError(OBEYED)
        except ValueError:
            logging.getLogger("aiohttp.server").exception("Error handling request from %s", OBEYED)
    told = printed(capsys)
    assert told.replace("\n", "").isprintable()
    assert "ValueError: \\x1b[2J" in told


ROUTES = """\
version: 1
service: {name: x}
backends: {origin: {url: "https://app.example.com"}}
routes:
  - match: {path: /a, query: {"a\u202eb": "c\u202ed"}}
    respond: {status: 200}
  - match: {query: {"e\u202ef": {present: true}}}
    handoff: origin
  - handoff: origin
"""
NAME = "\x1b[31m\u202e.yaml"
COMMANDS: dict[str, list[str]] = {
    "check": ["check", NAME],
    "check as JSON": ["check", NAME, "--format", "json"],
    "check for GitHub": ["check", NAME, "--format", "github"],
    "routes": ["routes"],
    "match": ["match", "GET", "https://a/a", "-H", "x-b: \x1b[31m\u202e"],
    "diff": ["diff", "routes.yaml", NAME],
    "diff as JSON": ["diff", "routes.yaml", NAME, "--format", "json"],
    "fmt": ["fmt", "--check", NAME],
    "test": ["test", "--tests", "tests.yaml", "--coverage"],
    "init": ["init", NAME.removesuffix(".yaml")],
    "no file": ["check", f"no-{NAME}"],
    "no test": ["test", "--tests", NAME],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_what_a_terminal_obeys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Tests that neither a stranger's routes.yaml nor its name can send control characters to a terminal."""
    (tmp_path / "routes.yaml").write_text(ROUTES)
    (tmp_path / NAME).write_text(ROUTES.replace("status: 200", "status:  404"))
    (tmp_path / "tests.yaml").write_text("tests:\n  - {request: GET https://a/, expect: {route: none}}\n")
    monkeypatch.chdir(tmp_path)
    # As on a terminal: click takes escape sequences out of what goes elsewhere.
    done = CliRunner().invoke(main, COMMANDS[command], color=True)
    assert isinstance(done.exception, SystemExit | None)
    assert done.output
    assert done.output.replace("\n", "").isprintable()
