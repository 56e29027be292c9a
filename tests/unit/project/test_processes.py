"""Tests the time limit of programs, and how late their timers may be."""

import asyncio
import sys
from pathlib import Path

import pytest

from fanroute.project.processes import ProgramFailed, run, running


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets timers be late")
def test_a_program_that_waits_may_have_late_timers() -> None:
    """The next one, and this process, have exact ones again."""
    own = Path("/proc/self/timerslack_ns")
    before = own.read_text()

    async def slack_of_program(*slack: int) -> str:
        lines: list[str] = []
        async with running(["cat", own], lines.append, {}, *slack) as program:
            await program.wait()
            while not lines:
                await asyncio.sleep(0.01)
        return f"{lines[0]}\n"

    assert asyncio.run(slack_of_program(5_000_000)) == "5000000\n"
    assert [asyncio.run(slack_of_program()), own.read_text()] == [before, before]
