"""Ends a command that would run forever: on Ctrl-C, and when nobody reads any longer what it prints."""

import asyncio
import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from fanroute.cli.output import output_pipes


@contextmanager
def until_stopped() -> Iterator[None]:
    """Cancels the current task on SIGINT, on SIGTERM, and when a pipe that the command prints to is closed.

    The cancellation ends the context without an exception. But for a closed pipe, BrokenPipeError is raised then, as by a write
    to it. A write might not come for hours, so the pipe is watched.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, task.cancel)
    closed: list[int] = []

    def end(pipe: int) -> None:
        loop.remove_reader(pipe)
        closed.append(pipe)
        task.cancel()

    pipes = output_pipes()
    for pipe in pipes:
        # The writing end of a pipe becomes "readable" when the reading end is closed.
        loop.add_reader(pipe, end, pipe)
    try:
        yield
    except asyncio.CancelledError:
        pass
    finally:
        for pipe in pipes:
            loop.remove_reader(pipe)
    if closed:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
