"""Tests the time limit of programs."""

from pathlib import Path

import pytest

from fanroute.project.processes import ProgramFailed, run


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """Tests that the child, which keeps the output open, has ended too."""
    script = tmp_path / "slow"
    script.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    script.chmod(0o755)
    with pytest.raises(ProgramFailed) as failed:
        run([script], limit=1)
    assert (failed.value.program, failed.value.output) == ("slow", "it has not ended within 1 s")
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_one_that_ends_in_time_gives_its_output() -> None:
    assert run(["sh", "-c", "echo out; echo err >&2"], limit=30) == "out\nerr\n"
