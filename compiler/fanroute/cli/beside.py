"""Runs a command beside a local edge, such as the server behind it."""

import asyncio
import shlex
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import time

from fanroute.devserver.events import Emit, Notice, Output
from fanroute.project import processes
from fanroute.project.processes import Program


@asynccontextmanager
async def running_beside(command: Sequence[str], variables: Mapping[str, str], report: Emit) -> AsyncIterator[None]:
    """Runs a command as long as the context lasts. It and all that it starts end with the context.

    Reports each line that it prints, and its end if that comes earlier. Raises OSError if it cannot be started.

    Args:
        command: a program, and its arguments.
        variables: what its environment has beside ours.
        report: takes the events.
    """
    shown = shlex.join(command)

    def report_line(line: str) -> None:
        report(Output(time=time(), program=shown, line=line))

    async def report_end(process: Program) -> None:
        how = _how_it_ended(await process.wait())
        report(Notice(time=time(), text=f"'{shown}' {how}; the edge still runs (Ctrl-C stops it)"))

    async with processes.running(command, report_line, variables) as process:
        ending = asyncio.create_task(report_end(process))
        try:
            yield
        finally:
            ending.cancel()


def _how_it_ended(code: int) -> str:
    """Returns how a process with this exit code (negative: the signal that ended it) has ended."""
    return f"has ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
