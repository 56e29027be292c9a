"""Starts one Viceroy per contestant, and a stand-in for Fanout.

All Viceroys are paused but the one that is being measured, because an idle Viceroy wakes up 20,000 times per second.

Has no command; the rest of bench.measuring imports it.
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, perf_counter, sleep

from bench.measuring.workloads import HANDED_OFF
from fanroute.devserver.config import LOCAL_STORES, LocalBackend
from fanroute.devserver.embedded import ADDRESS
from fanroute.devserver.viceroy import START_TIMEOUT, viceroy_files
from fanroute.project.folder import write
from fanroute.project.processes import GRACE, ProgramFailed

# What Viceroy logs at the end of a sandbox.
HEAP = re.compile(r"completed using (\S+) ?([KMG]?i?B) of WebAssembly heap", re.IGNORECASE)
UNITS = {"B": 2**-20, "K": 2**-10, "M": 1.0, "G": 2**10}


class Viceroy:
    """Represents a running Viceroy. `start_seconds` is how long it took until it listened."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path, start_seconds: float) -> None:
        self.process, self.port, self.log, self.start_seconds = process, port, log, start_seconds

    def pause(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def page_faults(self) -> int:
        """Returns how many page faults the process has had that read nothing from a disk. Source: proc(5), minflt."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[7])

    def heap(self) -> float | None:
        """Returns the linear memory of the largest sandbox that has ended, in MiB, or None if the log does not say."""
        end = monotonic() + GRACE
        # The line can appear a while after the answer.
        while not (lines := HEAP.findall(self.log.read_text(errors="replace"))) and monotonic() < end:
            sleep(0.05)
        return max(float(size) * UNITS[unit[0].upper()] for size, unit in lines) if lines else None

    def stop(self) -> None:
        for end in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, end)
            if end != signal.SIGCONT:
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(GRACE)
                    return


def start_viceroy(program: Path, wasm: Path, folder: Path, fanout: int, *options: str) -> Viceroy:
    """Starts Viceroy with a component and waits until it listens. Raises ProgramFailed.

    `fanout` is the port of the stand-in for Fanout. `folder` is for Viceroy's configuration and log.
    """
    backends = {name: LocalBackend(f"http://{ADDRESS}:{fanout}") for name in ("origin", "self")}
    for path, content in viceroy_files(folder, backends, LOCAL_STORES).items():
        write(path, content)
    port, log = _free_port(), folder / "viceroy.log"
    command = [program, "serve", "-C", folder / "fastly.toml", "--addr", f"{ADDRESS}:{port}", *options]
    command += ["--local-pushpin-proxy-port", str(fanout), wasm]
    started = perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(argument) for argument in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = monotonic() + START_TIMEOUT
    while not _is_listening(port):
        if process.poll() is not None or monotonic() > deadline:
            Viceroy(process, port, log, 0).stop()
            raise ProgramFailed(program.name, log.read_text(errors="replace")[-2000:] or "it does not listen")
        sleep(0.005)
    return Viceroy(process, port, log, perf_counter() - started)


@contextmanager
def fanout_stand_in() -> Iterator[int]:
    """Runs a server in Fanout's place and yields its port. It answers each request that is handed off, as fast as it can."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(_StandIn, ADDRESS, 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


class _StandIn(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._head = transport, b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._head = b""
            self._transport.write(f"HTTP/1.1 200 OK\r\n{HANDED_OFF}: yes\r\ncontent-length: 0\r\n\r\n".encode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def _is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((ADDRESS, port)) == 0
