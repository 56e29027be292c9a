"""`fanroute test`: runs the route tests of a routes.yaml."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from fanroute.bundle import builder as building
from fanroute.cli.edges import EDGES, EdgeOptions, running_edge
from fanroute.cli.options import examples, routes_argument
from fanroute.cli.output import conceal, exit_failed, exit_if_failed, exit_on_failure, print_all_diagnostics, remark, say
from fanroute.devserver.config import local_backends
from fanroute.devserver.request_log import token_parameters
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.workspace import Workspace, read_file
from fanroute.routetests.coverage import coverage_text, measure_coverage, report_missed
from fanroute.routetests.judge import Result, counts_text, diagnostics_of, judge, passed_requests
from fanroute.routetests.outcome import make_tracer
from fanroute.routetests.read import ParsedTests, read_tests

# The judged tests of each file.
Results = dict[Path, list[Result]]


@click.command(epilog=examples("fanroute test", "fanroute test --coverage --fail-under 100", "fanroute test --live embedded"))
@routes_argument
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
def test(routes: Path, files: tuple[Path, ...], cover: bool, fail_under: int | None, live: str | None, form: str) -> None:
    """Run the route tests of ROUTES (routes.yaml): requests and their expected outcomes.

    The tests are in routes.test.yaml next to it, and look like this (docs/testing.md describes them):

    \b
      tests:
        - request: GET https://chat.example.com/rooms/blue
          expect: {route: rooms, channel: room-blue}

    The exit code is 1 if a test fails.
    """
    workspace = Workspace(routes)
    with exit_on_failure(workspace):
        compiled, tests = _read(workspace, files or (workspace.tests,), form)
        results = {file: judge(tests[file], compiled) for file in tests}
        if live:
            results = _on_edge(live, workspace, compiled, results)
    every = [result for file in results for result in results[file]]
    coverage = measure_coverage(compiled, passed_requests(every))
    cover = cover or fail_under is not None

    reports = [
        (file, [one for result in results[file] for one in diagnostics_of(result, tests[file], compiled, str(routes))])
        for file in tests
    ]
    print_all_diagnostics([*reports, (routes, report_missed(coverage, compiled) if cover else [])], form)
    if form == "text":
        for file in results:
            say(f"{file}: {counts_text(results[file])}")
        if cover:
            say(f"coverage of {routes}: {coverage_text(coverage)}")
    too_little = fail_under is not None and coverage.percent < fail_under
    if too_little:
        remark(f"error: the coverage is {coverage.percent} %, less than {fail_under} %")
    exit_if_failed(failed=too_little or any(result.verdict == "failed" for result in every))


def _read(workspace: Workspace, files: Sequence[Path], form: str) -> tuple[Compiled, dict[Path, ParsedTests]]:
    """Reads the routes, and the tests of each file. If any of these files has errors, prints them and exits."""
    try:
        compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    except Invalid as invalid:
        print_all_diagnostics([(workspace.routes, invalid.diagnostics)], form)
        exit_failed()
    conceal(compiled.source.unexpanded)
    tests: dict[Path, ParsedTests] = {}
    errors: list[tuple[Path, list[Diagnostic]]] = []
    for file in files:
        try:
            tests[file] = read_tests(read_file(file, "routes.test.yaml"), compiled)
        except Invalid as invalid:
            errors.append((file, invalid.diagnostics))
    if errors:
        print_all_diagnostics(errors, form)
        exit_failed()
    return compiled, tests


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
