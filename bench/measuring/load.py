"""Sends load to a server and reads what the load generator reports: wrk as a closed loop, vegeta as an open loop.

A closed loop sends a request when the answer to the one before has arrived, so its rate is what the server can do. An open loop
sends at a fixed rate whatever the server does, so it counts the time that requests wait behind a slow answer (no coordinated
omission).

Has no command; the rest of bench.measuring and bench.profiling import it.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from bench.measuring.workloads import Workload
from bench.statistics import percentiles
from fanroute.devserver.embedded import ADDRESS
from fanroute.project import processes

# The percentiles of latency that are recorded.
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
# How long a request may take, in seconds.
TIMEOUT = 10

# A script for wrk. It requests the paths in turn, and in the end prints a line of JSON. `latency` there has pairs: a latency in
# microseconds, and how many requests took that long.
WRK_SCRIPT = """\
local requests, next = {{}}, 0
function init()
  for _, path in ipairs({paths}) do
    requests[#requests + 1] = wrk.format({method}, path, {headers}, {body})
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
function done(summary, latency)
  local errors, counts = summary.errors, {{}}
  for index = 1, #latency do
    counts[index] = string.format('[%d, %d]', latency(index))
  end
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  local line = '\\n{{"requests": %d, "duration": %d, "failed": %d, "status": %d, "latency": [%s]}}\\n'
  io.write(string.format(line, summary.requests, summary.duration, failed, errors.status, table.concat(counts, ', ')))
end
"""


class LoadResult(TypedDict):
    """Represents one run of a closed loop: requests per second, latency in µs by percentile (`p99`), number of requests."""

    rate: float
    latency: dict[str, float]
    requests: int


class LoadFailed(Exception):
    """Raised if a run cannot count as a measurement: some answers failed, or there were none."""


def closed_loop(workload: Workload, port: int, connections: int, seconds: float, folder: Path) -> LoadResult:
    """Sends as many requests as possible in a time, on some connections. Raises LoadFailed, ProgramFailed."""
    script = folder / "workload.lua"
    script.write_bytes(wrk_script(workload))
    # wrk takes whole seconds only.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={TIMEOUT}s"]
    output = processes.run([*command, "-s", script, f"http://{ADDRESS}:{port}"])
    return parse_wrk(output, workload.status, connections)


def wrk_script(workload: Workload) -> bytes:
    """Returns a Lua script that makes wrk send a workload.

    Without a body, wrk must get no string, or it sends a Content-Length, which browsers do not send with a GET.
    """
    headers = ", ".join(
        f"[{lua_string(name.encode())}] = {lua_string(value.encode())}" for name, value in workload.headers.items()
    )
    return WRK_SCRIPT.format(
        paths="{" + ", ".join(lua_string(path.encode()) for path in workload.paths) + "}",
        method=lua_string(workload.method.encode()),
        headers="{" + headers + "}",
        body=lua_string(workload.body) if workload.body else "nil",
    ).encode()


def lua_string(content: bytes) -> str:
    """Returns bytes as a string literal of Lua."""
    return '"' + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03}" for byte in content) + '"'


def parse_wrk(output: str, status: int, connections: int) -> LoadResult:
    """Reads the line that the script prints. `status` is the one that all answers must have. Raises LoadFailed.

    wrk counts the answers with a status of 400 or more, and no others.
    """
    found = json.loads(output[output.rindex("\n{") :])
    expected = found["requests"] if status >= 400 else 0
    if not found["requests"] or found["failed"] or found["status"] != expected:
        raise LoadFailed(f"{found['requests']} requests: {found['failed']} failed, {found['status']} had a status over 399")
    counts: dict[int, int] = dict(found["latency"])
    if found["requests"] >= connections:
        counts = remove_correction(counts, found["duration"] // (found["requests"] // connections))
    if sum(counts.values()) != found["requests"]:
        raise LoadFailed(f"{found['requests']} requests have {sum(counts.values())} latencies")
    microseconds = [latency for latency, count in counts.items() for _ in range(count)]
    return {
        "rate": round(found["requests"] / found["duration"] * 1e6, 1),
        "latency": name_percentiles(percentiles(microseconds, PERCENTILES)),
        "requests": found["requests"],
    }


def remove_correction(counts: Mapping[int, int], interval: int) -> dict[int, int]:
    """Removes the latencies that wrk invents, and returns how many requests really had each latency.

    If a latency is at least twice the usual interval between requests, wrk adds the latencies of requests that it would have sent
    meanwhile at a fixed rate. Source: stats_correct in wrk's src/stats.c.
    """
    measured = dict(counts)
    for latency in sorted(counts, reverse=True):
        if latency < 2 * interval:
            break
        for invented in range(latency - interval, interval, -interval):
            measured[invented] -= measured[latency]
    return {latency: count for latency, count in measured.items() if count}


def open_loop(vegeta: Path, workload: Workload, port: int, rate: int, seconds: float, folder: Path) -> list[int]:
    """Sends requests at a fixed rate and returns the latency of each in ns. Raises LoadFailed, ProgramFailed."""
    body, targets, results = folder / "body", folder / "targets", folder / "results"
    body.write_bytes(workload.body)
    headers = [f"{name}: {value}" for name, value in workload.headers.items()]
    requests = ["\n".join([f"{workload.method} http://{ADDRESS}:{port}{path}", *headers, f"@{body}"]) for path in workload.paths]
    targets.write_text("\n\n".join(requests) + "\n")
    attack: list[str | Path] = [vegeta, "attack", f"-rate={rate}", f"-duration={seconds}s", f"-timeout={TIMEOUT}s", "-max-body=0"]
    processes.run([*attack, f"-targets={targets}", f"-output={results}"])
    return parse_vegeta(processes.run([vegeta, "encode", "-to=csv", results]), workload.status)


def parse_vegeta(table: str, status: int) -> list[int]:
    """Reads vegeta's CSV and returns the latencies in ns. Raises LoadFailed if an answer has another status."""
    rows = list(csv.reader(io.StringIO(table)))
    failed = [row for row in rows if int(row[1]) != status]
    if failed or not rows:
        example = "".join(f": {row[1]} {row[5]}" for row in failed[:1])
        raise LoadFailed(f"{len(failed)} of {len(rows)} answers had another status{example}")
    return [int(row[2]) for row in rows]


def name_percentiles(values: Sequence[float]) -> dict[str, float]:
    """Returns the values of PERCENTILES by their names, rounded."""
    return {f"p{percent:g}": round(value, 1) for percent, value in zip(PERCENTILES, values, strict=True)}
