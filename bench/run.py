"""`make bench`: all contestants side by side, in rounds, into bench/results/run.json; bench/report/page.py makes the page of it.

.venv/bin/python -m bench.run [--rounds N] [--seconds N] [--only NAME ...] [--routes N ...]

Exit code 1 where something that was to be measured could not be, except for contestants that cannot be built.
"""

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench import machine, tools
from bench.contestants import Contestant, contestants
from bench.measuring import many_routes as compiling
from bench.measuring import viceroy as serving
from bench.measuring.comparison import CONNECTIONS, Field, Results
from bench.profiling import profiles as profile
from bench.report import page
from fanroute.devserver import install
from fanroute.project.cache import cache_folder
from fanroute.project.errors import ProgramFailed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured")
    parser.add_argument("--seconds", type=int, default=1, help="how long each time")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these contestants only")
    parser.add_argument("--routes", type=int, nargs="*", metavar="N", default=compiling.COUNTS, help="files of so many routes")
    given = parser.parse_args()
    # So that what was started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    chosen = [one for one in contestants(pem) if not given.only or one.name in given.only]
    tools.need("wrk")
    viceroy = install.viceroy(cache_folder(), tools.say)
    results = Results(started.strftime("%Y-%m-%d"), given.rounds, given.seconds, machine.machine())
    with TemporaryDirectory(prefix="fanroute-bench-") as temporary, serving.fanout() as fanout:
        folder = Path(temporary)
        field = Field(results, key, viceroy, tools.vegeta(), fanout, folder)
        run(field, chosen)
        compiling.measure(field, given.routes)
        save(results)
        results.versions = machine.versions(viceroy)
        results.profile = profile.take(field, field.components)
    results.minutes = round((datetime.now(UTC) - started).total_seconds() / 60, 1)
    save(results)
    page.write(json.loads(page.RESULTS.read_text(encoding="utf-8")))
    failed = results.failed()
    for line in failed:
        tools.say(f"failed: {line}")
    sys.exit(bool(failed))


def save(results: Results) -> None:
    page.RESULTS.parent.mkdir(exist_ok=True)
    page.RESULTS.write_text(json.dumps(results.told(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def run(field: Field, chosen: list[Contestant]) -> None:
    """The contestants against each other."""
    for contestant in chosen:
        field.build(contestant)
    with ExitStack() as stack:
        for contestant in chosen:
            field.start(contestant, stack)
        for number in range(field.results.rounds):
            tools.say(f"Round {number + 1} of {field.results.rounds}")
            field.ask_all(chosen, 1, field.works())
            for connections in CONNECTIONS[1:]:
                field.ask_all(chosen, connections, ["stream"])
            field.ask_at_a_rate(chosen)
    tools.say("Packing with brotli")
    field.pack(chosen)


if __name__ == "__main__":
    try:
        main()
    except ProgramFailed as failed:
        sys.exit(f"{failed}: {failed.output}")
