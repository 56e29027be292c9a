"""Runs the whole benchmark: builds and measures all contestants in rounds, then writes the run's data and docs/performance.md.

    make bench
    .venv/bin/python -m bench.run [--rounds N] [--seconds N] [--only NAME ...] [--routes N ...]

Writes bench/results/run.json and what bench.report makes of it. The exit code is 1 if a measurement failed. A contestant that
cannot be built is only reported as missing.
"""

import argparse
import signal
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec

from bench import machine, tools
from bench.contestants import Contestant, contestants
from bench.measuring.comparison import CONNECTIONS, PARALLEL, Comparison
from bench.measuring.many_routes import COUNTS, measure_many_routes
from bench.measuring.viceroy import fanout_stand_in
from bench.profiling.profiles import collect_profiles
from bench.report.page import write_pages
from bench.run_data import RunData, read_run, write_run
from fanroute.devserver import install
from fanroute.project.cache import cache_folder
from fanroute.project.processes import ProgramFailed

# Requests per second of the open loop.
RATE = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured")
    parser.add_argument("--seconds", type=int, default=1, help="how long each measurement lasts")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure only these contestants")
    parser.add_argument("--routes", type=int, nargs="*", metavar="N", default=COUNTS, help="measure files with so many routes")
    options = parser.parse_args()
    # A signal must not leave started programs behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    chosen = [one for one in contestants(key) if not options.only or one.name in options.only]
    tools.require_packages("wrk")
    viceroy = install.ensure_viceroy(cache_folder(), tools.log)
    run = RunData(started.strftime("%Y-%m-%d"), options.rounds, options.seconds, machine.describe_machine(), RATE)
    with TemporaryDirectory(prefix="fanroute-bench-") as temporary, fanout_stand_in() as fanout:
        comparison = Comparison(run, key, viceroy, tools.require_vegeta(), fanout, Path(temporary))
        measure_contestants(comparison, chosen)
        measure_many_routes(comparison, options.routes)
        write_run(run)
        run.versions = machine.versions(viceroy)
        run.profile = collect_profiles(comparison)
    run.minutes = round((datetime.now(UTC) - started).total_seconds() / 60, 1)
    write_run(run)
    write_pages(read_run())
    failures = run.failures()
    for line in failures:
        tools.log(f"failed: {line}")
    sys.exit(bool(failures))


def measure_contestants(comparison: Comparison, chosen: list[Contestant]) -> None:
    """Builds the contestants, starts all of them and measures them in turn, round by round."""
    rounds = comparison.run.rounds
    for contestant in chosen:
        comparison.build(contestant)
    with ExitStack() as stack:
        for contestant in chosen:
            comparison.start(contestant, stack)
        for number in range(rounds):
            tools.log(f"Round {number + 1} of {rounds}")
            comparison.run_closed_loops(chosen, 1, list(comparison.run.workloads))
            for connections in CONNECTIONS[1:]:
                comparison.run_closed_loops(chosen, connections, PARALLEL)
            comparison.run_open_loops(chosen)
    tools.log("Compressing with brotli")
    comparison.compress(chosen)


if __name__ == "__main__":
    try:
        main()
    except ProgramFailed as failed:
        sys.exit(f"{failed}: {failed.output}")
