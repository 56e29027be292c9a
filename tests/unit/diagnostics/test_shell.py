"""Tests that a shell reads each quoted value as one word, whatever it contains."""

import os
import subprocess
from pathlib import Path

import pytest

from fanroute.diagnostics.shell import path_word, shell_word

PARTS = [
    *("GET", "`id`", "X|id&X", "$(id)", "$x", "'", "!x", "~", "#", "", "a b", "a\\b", "é ✓", "a;b", "*"),
    *("a\nb", "\x1b[2J", "a\tb'\\", b"\xe0'\\ \xff", b"it's", b"a\tb"),
]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_one_word(part: str | bytes) -> None:
    written = shell_word(part)
    assert written.isprintable()
    done = subprocess.run(["bash", "-c", f"printf '%s|' {written}"], capture_output=True, check=True)
    assert done.stdout == (part if isinstance(part, bytes) else os.fsencode(part)) + b"|"


@pytest.mark.parametrize("path", ["-x", "-", "--help", "-x/y z", "~", "a"])
def test_a_path_is_no_option(path: str, tmp_path: Path) -> None:
    (tmp_path / path).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["sh", "-c", f"cd {path_word(Path(path))} && pwd"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path / path}\n"
