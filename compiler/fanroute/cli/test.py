"""`fanroute test`: runs the route tests of a routes.yaml."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from fanroute.bundle import builder as building
from fanroute.cli.edges import EDGES, EdgeOptions, running_edge
from fanroute.cli.options import check_or_exit, examples, one_env_option, routes_argument
from fanroute.cli.output import exit_failed, exit_if_failed, exit_on_failure, print_all_diagnostics, remark, say
from fanroute.devserver.config import local_backends
from fanroute.devserver.request_log import token_parameters
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.pipeline import Compiled, told_once
from fanroute.project.workspace import Workspace, read_file
from fanroute.routetests.coverage import Coverage, coverage_text, measure_coverage, report_missed
from fanroute.routetests.environments import tests_in_environment
from fanroute.routetests.judge import Result, counts_text, diagnostics_of, judge, passed_requests
from fanroute.routetests.outcome import make_tracer
from fanroute.routetests.read import ParsedTests, read_tests
from fanroute.spec.document import PRODUCTION

# The judged tests of each file.
Results = dict[Path, list[Result]]


@click.command(epilog=examples("fanroute test", "fanroute test --coverage --fail-under 100", "fanroute test --live embedded"))
@routes_argument
@one_env_option
@click.option(
    "--tests",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A file of tests to run instead of routes.test.yaml. Can be repeated.",
)
@click.option("--coverage", "cover", is_flag=True, help="Report the routes and values that no passed test exercises.")
@click.option("--fail-under", type=click.IntRange(0, 100), metavar="PERCENT", help="Fail if the coverage is lower.")
@click.option("--live", type=EDGES, help="Also send the requests to the built component, on a local edge.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def test(
    routes: Path,
    environment: str | None,
    files: tuple[Path, ...],
    cover: bool,
    fail_under: int | None,
    live: str | None,
    form: str,
) -> None:
    """Run the route tests of ROUTES (routes.yaml): requests and their expected outcomes.

    The tests are in routes.test.yaml next to it, and look like this (docs/testing.md describes them):

    \b
      tests:
        - request: GET https://chat.example.com/rooms/blue
          expect: {route: rooms, channel: room-blue}

    They run in each environment of the file, with its hosts in place of those of production. The exit code is 1 if a test fails.
    """
    workspace = Workspace(routes)
    with exit_on_failure(workspace):
        judged = [
            _judged(one, tests, live, Workspace(routes, environment=one.environment))
            for one, tests in _read(workspace, environment, files or (workspace.tests,), form)
        ]
    cover = cover or fail_under is not None
    reports = [
        (file, told_once({one.environment: one.diagnostics(file, str(routes)) for one in judged})) for file in judged[0].tests
    ]
    usual = next((one.coverage for one in judged if one.environment == PRODUCTION), None)
    missed = {
        one.environment: report_missed(one.coverage, one.compiled, usual if one.environment != PRODUCTION else None)
        for one in judged
        if cover
    }
    print_all_diagnostics([*reports, (routes, told_once(missed))], form)
    for one in sorted(judged, key=lambda one: one.environment != PRODUCTION) if form == "text" else ():
        where = "" if one.environment == PRODUCTION else f" in '{one.environment}'"
        for file in one.results:
            say(f"{file}{where}: {counts_text(one.results[file])}")
        if cover:
            say(f"coverage of {routes}{where}: {coverage_text(one.coverage)}")
    covered = min(one.coverage.percent for one in judged)
    too_little = fail_under is not None and covered < fail_under
    if too_little:
        remark(f"error: the coverage is {covered} %, less than {fail_under} %")
    exit_if_failed(failed=too_little or any(result.verdict == "failed" for one in judged for result in one.every))


@dataclass(frozen=True, slots=True)
class _Judged:
    """The routes in one environment, the tests of each file for it, and their results."""

    compiled: Compiled
    tests: dict[Path, ParsedTests]
    results: Results

    @property
    def environment(self) -> str:
        return self.compiled.environment

    @property
    def every(self) -> list[Result]:
        """Returns the results of all files."""
        return [result for file in self.results for result in self.results[file]]

    @property
    def coverage(self) -> Coverage:
        """Returns what the passed tests exercise."""
        return measure_coverage(self.compiled, passed_requests(self.every))

    def diagnostics(self, file: Path, routes: str) -> list[Diagnostic]:
        """Returns what there is to say about the tests of a file."""
        tests = self.tests[file]
        return [one for result in self.results[file] for one in diagnostics_of(result, tests, self.compiled, routes)]


def _judged(compiled: Compiled, tests: dict[Path, ParsedTests], live: str | None, workspace: Workspace) -> _Judged:
    """Judges the tests by the routes in one environment, and with `live` by what the component does on that local edge."""
    tests = {file: tests_in_environment(parsed, compiled) for file, parsed in tests.items()}
    results = {file: judge(parsed, compiled) for file, parsed in tests.items()}
    return _Judged(compiled, tests, _on_edge(live, workspace, compiled, results) if live else results)


def _read(
    workspace: Workspace, environment: str | None, files: Sequence[Path], form: str
) -> list[tuple[Compiled, dict[Path, ParsedTests]]]:
    """Reads the routes in one environment or in all, and the tests of each file.

    If any of these files has errors, prints them and exits. Production comes last, so that with `--live` its component stays.
    """
    checked = check_or_exit(workspace, environment, form)
    raw: dict[Path, bytes] = {}
    read: list[tuple[Compiled, dict[Path, ParsedTests]]] = []
    errors: dict[Path, dict[str, list[Diagnostic]]] = {file: {} for file in files}
    for name, compiled in checked.compiled.items():
        tests: dict[Path, ParsedTests] = {}
        for file in files:
            try:
                if file not in raw:
                    raw[file] = read_file(file, "routes.test.yaml")
                tests[file] = read_tests(raw[file], compiled)
            except Invalid as invalid:
                errors[file][name] = invalid.diagnostics
        read.append((compiled, tests))
    if any(errors.values()):
        print_all_diagnostics([(file, told_once(found)) for file, found in errors.items()], form)
        exit_failed()
    return sorted(read, key=lambda one: one[0].environment == PRODUCTION)


def _on_edge(edge: str, workspace: Workspace, compiled: Compiled, results: Results) -> Results:
    """Builds the component, and judges the same tests by what it does on a local edge."""
    # Imported late: without --live, tests do not need aiohttp.
    from fanroute.routetests.live import connect, judge_live, record_backends

    building.build(workspace, remark)
    backends, loopback = local_backends(compiled.backends)
    tracer = make_tracer(compiled)
    hosts = {name: backend.host if backend else None for name, backend in backends.items()}
    private = bool(token_parameters(compiled.plan))

    async def ask() -> Results:
        options = EdgeOptions(edge, private=private, tested=compiled.plan)
        # For the edge, all backends of the recorder are ordinary ones.
        async with (
            record_backends(hosts) as recorder,
            running_edge(options, workspace, recorder.backends, "", remark, lambda line: None) as urls,
            connect(urls.edge, recorder, loopback, workspace.token_key) as local_edge,
        ):
            return {file: [await judge_live(one, local_edge, compiled, tracer) for one in results[file]] for file in results}

    return asyncio.run(ask())
