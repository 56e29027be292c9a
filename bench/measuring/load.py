"""The drivers: wrk as a closed loop, vegeta as an open loop, whose latencies leave no wait out.

A closed loop asks when it has its answer: its rate is what the server can do. An open loop asks at a fixed rate whatever the
server does, so what waits behind a slow answer is seen (no coordinated omission).
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from bench.measuring.workloads import Work
from bench.statistics import percentiles
from fanroute.devserver.embedded import ADDRESS
from fanroute.project import processes

# Which share of the answers is as fast or faster, in percent.
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
# An answer may take so many seconds.
TIMEOUT = 10

# wrk runs this. Each path in turn; in the end one line of JSON, with how many requests took how many microseconds.
SCRIPT = """\
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
  local told = '\\n{{"requests": %d, "duration": %d, "failed": %d, "status": %d, "latency": [%s]}}\\n'
  io.write(string.format(told, summary.requests, summary.duration, failed, errors.status, table.concat(counts, ', ')))
end
"""


class Figures(TypedDict):
    """What one run tells: requests a second, percentiles of latency in µs by their names, how many requests."""

    rate: float
    latency: dict[str, float]
    requests: int


class DriverFailed(Exception):
    """What the driver saw is no measurement: some answers failed, or there were none."""


def closed(work: Work, port: int, connections: int, seconds: float, folder: Path) -> Figures:
    """As many requests as go in a time, on some connections. Raises DriverFailed, ProgramFailed."""
    script = folder / "work.lua"
    script.write_bytes(lua(work))
    # wrk knows whole seconds only.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={TIMEOUT}s"]
    said = processes.run([*command, "-s", script, f"http://{ADDRESS}:{port}"])
    return of_wrk(said, work.status, connections)


def lua(work: Work) -> bytes:
    """The script that makes wrk ask for some work."""
    headers = ", ".join(f"[{quoted(name.encode())}] = {quoted(value.encode())}" for name, value in work.headers.items())
    return SCRIPT.format(
        paths="{" + ", ".join(quoted(path.encode()) for path in work.paths) + "}",
        method=quoted(work.method.encode()),
        headers="{" + headers + "}",
        body=quoted(work.body),
    ).encode()


def quoted(content: bytes) -> str:
    """Some bytes as a literal of Lua's."""
    return '"' + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03}" for byte in content) + '"'


def of_wrk(said: str, status: int, connections: int) -> Figures:
    """What wrk found, where all answers had a status: it counts those of 400 and more. Raises DriverFailed."""
    found = json.loads(said[said.rindex("\n{") :])
    wanted = found["requests"] if status >= 400 else 0
    if not found["requests"] or found["failed"] or found["status"] != wanted:
        raise DriverFailed(f"of {found['requests']} requests {found['failed']} failed, {found['status']} had a status over 399")
    took: dict[int, int] = dict(found["latency"])
    if found["requests"] >= connections:
        took = uncorrected(took, found["duration"] // (found["requests"] // connections))
    if sum(took.values()) != found["requests"]:
        raise DriverFailed(f"{found['requests']} requests have {sum(took.values())} latencies")
    microseconds = [value for value, count in took.items() for _ in range(count)]
    return {
        "rate": round(found["requests"] / found["duration"] * 1e6, 1),
        "latency": named(percentiles(microseconds, PERCENTILES)),
        "requests": found["requests"],
    }


def uncorrected(counts: Mapping[int, int], interval: int) -> dict[int, int]:
    """How often wrk saw each latency, without those that it makes up.

    For each of over twice the usual interval it adds what requests begun meanwhile would have taken, as if it asked at a rate.
    Source: stats_correct in wrk's src/stats.c.
    """
    seen = dict(counts)
    for latency in sorted(counts, reverse=True):
        if latency < 2 * interval:
            break
        for made_up in range(latency - interval, interval, -interval):
            seen[made_up] -= seen[latency]
    return {latency: count for latency, count in seen.items() if count}


def open_loop(vegeta: Path, work: Work, port: int, rate: int, seconds: float, folder: Path) -> list[int]:
    """Each latency in ns, at a fixed rate. Raises DriverFailed, ProgramFailed."""
    body, targets, results = folder / "body", folder / "targets", folder / "results"
    body.write_bytes(work.body)
    headers = [f"{name}: {value}" for name, value in work.headers.items()]
    requests = ["\n".join([f"{work.method} http://{ADDRESS}:{port}{path}", *headers, f"@{body}"]) for path in work.paths]
    targets.write_text("\n\n".join(requests) + "\n")
    attack = [vegeta, "attack", f"-rate={rate}", f"-duration={seconds}s", f"-timeout={TIMEOUT}s", "-max-body=0"]
    processes.run([*attack, f"-targets={targets}", f"-output={results}"])
    return of_vegeta(processes.run([vegeta, "encode", "-to=csv", results]), work.status)


def of_vegeta(table: str, status: int) -> list[int]:
    """The latencies of vegeta's results, in ns. Raises DriverFailed."""
    rows = list(csv.reader(io.StringIO(table)))
    wrong = [row for row in rows if int(row[1]) != status]
    if wrong or not rows:
        raise DriverFailed(
            f"of {len(rows)} answers {len(wrong)} had another status" + "".join(f": {row[1]} {row[5]}" for row in wrong[:1])
        )
    return [int(row[2]) for row in rows]


def named(values: Sequence[float]) -> dict[str, float]:
    """Some of PERCENTILES by their names, rounded."""
    return {f"p{percent:g}": round(value, 1) for percent, value in zip(PERCENTILES, values, strict=True)}
