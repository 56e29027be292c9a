"""Runs other programs, which no other module does. Each is ended with its process group."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from fanroute.diagnostics.shell import path_argument

# How long a program may take to end after SIGTERM, in seconds.
GRACE = 5.0
# How long a program may take to print its version, in seconds.
VERSION_LIMIT = 5.0
# The longest line of output that is read, in bytes. Of a longer one, a part is left out.
MAX_LINE = 1 << 20
# How much less urgent than others a program is that nobody waits for (POSIX's nice value).
LESS_URGENT = 10
# Linux's option of prctl(2) for how late the timers of a thread, and of those that it starts, may be.
_PR_SET_TIMERSLACK = 29

Program = asyncio.subprocess.Process


class ProgramFailed(Exception):
    """Raised if a program fails. `program` is its name, and `output` what it printed."""

    def __init__(self, program: str, output: str) -> None:
        super().__init__(f"{program} failed")
        self.program = program
        self.output = output


def find(name: str, *places: Path) -> Path | None:
    """Returns the path of a program on PATH, or else the first executable file among `places`, or None."""
    found = shutil.which(name)
    if found:
        return Path(found)
    return next((place for place in places if os.access(place, os.X_OK) and place.is_file()), None)


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None, limit: float | None = None) -> str:
    """Runs a program to its end. Returns its output, both streams in one. Raises ProgramFailed.

    Args:
        command: the program and its arguments.
        environment: is added to the variables of this process.
        limit: the seconds after which the program is ended, with those that it has started, and counts as failed.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            [*map(_argument, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | (environment or {}),
            start_new_session=limit is not None,
        )
    except OSError as error:
        raise ProgramFailed(name, str(error)) from error
    with process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise ProgramFailed(name, f"it has not ended within {limit:.0f} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ProgramFailed(name, output)
    return output


@asynccontextmanager
async def running(
    command: Sequence[str | Path],
    on_line: Callable[[str], None],
    environment: Mapping[str, str] = MappingProxyType({}),
    timer_slack: int = 0,
) -> AsyncIterator[Program]:
    """Runs a program as long as the context lasts.

    The program has a session of its own, so a Ctrl-C reaches only Fanroute, and its children end with it.

    Args:
        command: the program and its arguments.
        on_line: gets each line that it prints.
        environment: is added to the variables of this process.
        timer_slack: how late its timers may be, in nanoseconds. 0 is the system's default, and so is any number but on Linux.
    """
    with _timer_slack(timer_slack):
        process = await asyncio.create_subprocess_exec(
            *map(_argument, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=MAX_LINE,
            env=os.environ | environment,
        )
    reader = asyncio.create_task(_read_lines(process, on_line))
    try:
        yield process
    finally:
        await _end(process)
        reader.cancel()


@contextmanager
def _timer_slack(nanoseconds: int) -> Iterator[None]:
    """Lets programs that this thread starts meanwhile inherit how late their timers may be."""
    import ctypes  # here, because most commands start no program that waits

    prctl = getattr(ctypes.CDLL(None), "prctl", lambda *_: None)  # macOS has none
    prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(nanoseconds), 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(0), 0, 0, 0)


async def run_cancellable(command: Sequence[str | Path], environment: dict[str, str]) -> str:
    """Runs a program to its end, as `run` does, while this process does other things. Raises ProgramFailed.

    The program leaves the processor to more urgent ones, such as this process. If the call is cancelled, the program is ended, in
    a way that lets it clean up.
    """
    process = await asyncio.create_subprocess_exec(
        *map(_argument, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | environment,
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, LESS_URGENT)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            await _end(process)
    if process.returncode:
        raise ProgramFailed(Path(command[0]).name, output.decode(errors="replace"))
    return output.decode(errors="replace")


def _argument(part: str | Path) -> str:
    return part if isinstance(part, str) else path_argument(part)


async def _read_lines(process: Program, on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    while not process.stdout.at_eof():
        with suppress(ValueError):  # a line beyond the limit
            if line := await process.stdout.readline():
                on_line(line.decode(errors="replace").rstrip())


async def _end(process: Program) -> None:
    """Ends a program and all that it has started. Each gets GRACE to end by itself."""
    _signal_group(process, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(_group_ended(process), GRACE)
    _signal_group(process, signal.SIGKILL)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), GRACE)


async def _group_ended(process: Program) -> None:
    """Waits until a program and all that it has started have ended."""
    await process.wait()
    while _signal_group(process, 0):
        await asyncio.sleep(0.02)


def _signal_group(process: Program, number: int) -> bool:
    """Sends a signal to a program and all that it has started; 0 sends none. Returns False if all have ended."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS raises the latter for those that nobody has waited for yet
        return False
    return True
