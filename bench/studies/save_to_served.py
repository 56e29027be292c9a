"""Measures how long it takes until `fanroute serve` answers by what was saved, with few routes and with many.

    .venv/bin/python -m bench.studies.save_to_served [SAVES]

Starts `fanroute serve`, and saves again and again. Each save begins as soon as the one before is served, so the build that it
overtakes is being ended meanwhile. A client asks on one connection until it gets the new answer. Prints the time from the save to
that answer, what `fanroute serve` says of it (without noticing the save and the request), and how long one build takes. SAVES is
50 unless given.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep

import httpx

from bench.generate import routes_yaml
from bench.statistics import percentiles

SIZES = (10, 1_000)
PERCENTS = (50, 95, 100)
ROUTE = "  - match: {{path: /saved}}\n    respond: {{status: 200, body: '{}'}}\n"
SERVED, BUILT = r"saved: served after (\d+) ms", r"saved: served by the component after ([\d.]+) s"


@dataclass(slots=True)
class Times:
    """Holds the times of all saves in milliseconds, as a client sees them and as the command says; and of a build in seconds."""

    seen: list[int] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    build: float = 0


def save(routes: Path, count: int, text: str) -> None:
    """Saves a routes.yaml with many routes, one of which answers with a text."""
    new = routes.with_suffix(".new")
    new.write_text(routes_yaml(count - 1) + ROUTE.format(text))
    new.replace(routes)


@contextmanager
def serving(routes: Path) -> Iterator[tuple[str, Queue[str]]]:
    """Yields the URL of a running edge, and the lines that it prints."""
    command = [sys.executable, "-P", "-m", "fanroute", "serve", str(routes), "--port=0", "--publish-port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    lines: Queue[str] = Queue()
    Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True).start()
    try:
        yield wait_for(lines, r"Serving .* at (http://\S+)"), lines
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def wait_for(lines: Queue[str], pattern: str) -> str:
    """Returns what the pattern's group matches in the next line that has it."""
    while True:
        found = re.search(pattern, lines.get(timeout=600))
        if found:
            return found.group(1)


def measure(count: int, saves: int) -> Times:
    times = Times()
    with TemporaryDirectory() as folder:
        routes = Path(folder) / "routes.yaml"
        save(routes, count, "0")
        with serving(routes) as (url, lines), httpx.Client(base_url=url, trust_env=False) as client:
            for number in range(1, saves + 1):
                save(routes, count, str(number))
                started = perf_counter()
                while client.get("/saved").text != str(number):
                    sleep(0.01)  # asking more often would slow down what is measured
                times.seen.append(round((perf_counter() - started) * 1000))
                times.said.append(int(wait_for(lines, SERVED)))
            times.build = float(wait_for(lines, BUILT))
    return times


def main() -> None:
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(f"{saves} saves each; ms: p50, p95, longest")  # noqa: T201
    for count in SIZES:
        times = measure(count, saves)
        seen, said = (", ".join(map(str, percentiles(each, PERCENTS))) for each in (times.seen, times.said))
        print(f"{count:>6} routes: save to answer {seen}; noticed to served {said}; built in {times.build:.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
