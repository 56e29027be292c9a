"""Do the routes do what they are meant to? `test`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from fanroute.bundle import builder as building
from fanroute.cli.edges import EDGES, EdgeOptions, running
from fanroute.cli.options import examples, routes_argument
from fanroute.cli.output import conceal, end, failures, remark, say, stop, tell_of
from fanroute.devserver.config import local_backends
from fanroute.devserver.request_log import token_parameters
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.pipeline import Compiled, compile_routes
from fanroute.project.workspace import Workspace, read_file
from fanroute.routetests.coverage import coverage_text, measure_coverage, report_missed
from fanroute.routetests.judge import Result, counts_text, diagnostics_of, judge, passed_requests
from fanroute.routetests.outcome import make_tracer
from fanroute.routetests.read import ParsedTests, read_tests

# What each file's tests have come to.
Results = dict[Path, list[Result]]


@click.command(epilog=examples("fanroute test", "fanroute test --coverage --fail-under 100", "fanroute test --live embedded"))
@routes_argument
@click.option("--tests", "files", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Instead of that file.")
@click.option("--coverage", "cover", is_flag=True, help="Say what no passed test exercises.")
@click.option("--fail-under", type=click.IntRange(0, 100), metavar="PERCENT", help="Fail where the coverage is less.")
@click.option("--live", type=EDGES, help="Ask the built component too, on a local edge.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def test(routes: Path, files: tuple[Path, ...], cover: bool, fail_under: int | None, live: str | None, form: str) -> None:
    """Run the route tests of ROUTES (routes.yaml): requests, and what must come of them.

    They are in routes.test.yaml beside it, and look so (docs/testing.md has all):

    \b
      tests:
        - request: GET https://chat.example.com/rooms/blue
          expect: {route: rooms, channel: room-blue}

    Exit code 1 if a test fails.
    """
    workspace = Workspace(routes)
    with failures(workspace):
        compiled, tests = _read(workspace, files or (workspace.tests,), form)
        results = {file: judge(tests[file], compiled) for file in tests}
        if live:
            results = _on_edge(live, workspace, compiled, results)
    every = [result for file in results for result in results[file]]
    coverage = measure_coverage(compiled, passed_requests(every))
    cover = cover or fail_under is not None

    said = [
        (file, [one for result in results[file] for one in diagnostics_of(result, tests[file], compiled, str(routes))])
        for file in tests
    ]
    tell_of([*said, (routes, report_missed(coverage, compiled) if cover else [])], form)
    if form == "text":
        for file in results:
            say(f"{file}: {counts_text(results[file])}")
        if cover:
            say(f"coverage of {routes}: {coverage_text(coverage)}")
    short = fail_under is not None and coverage.percent < fail_under
    if short:
        remark(f"error: the coverage is {coverage.percent} %, under {fail_under} %")
    end(failed=short or any(result.verdict == "failed" for result in every))


def _read(workspace: Workspace, files: Sequence[Path], form: str) -> tuple[Compiled, dict[Path, ParsedTests]]:
    """What is tested, and the tests of each file; what is wrong with these files ends the command."""
    try:
        compiled = compile_routes(workspace.read_routes(), workspace.inputs())
    except Invalid as invalid:
        tell_of([(workspace.routes, invalid.diagnostics)], form)
        stop()
    conceal(compiled.source.unexpanded)
    tests: dict[Path, ParsedTests] = {}
    wrong: list[tuple[Path, list[Diagnostic]]] = []
    for file in files:
        try:
            tests[file] = read_tests(read_file(file, "routes.test.yaml"), compiled)
        except Invalid as invalid:
            wrong.append((file, invalid.diagnostics))
    if wrong:
        tell_of(wrong, form)
        stop()
    return compiled, tests


def _on_edge(edge: str, workspace: Workspace, compiled: Compiled, results: Results) -> Results:
    """The same tests, judged by what a local edge does with the component that is built."""
    # Imported here: without --live, tests do without aiohttp.
    from fanroute.routetests.live import connect, judge_live, record_backends

    building.build(workspace, remark)
    backends, loopback = local_backends(compiled.backends)
    tracer = make_tracer(compiled)
    hosts = {name: backend.host if backend else None for name, backend in backends.items()}
    private = bool(token_parameters(compiled.plan))

    async def ask() -> Results:
        # To the edge the recorder's are all ordinary backends.
        async with (
            record_backends(hosts) as recorder,
            running(EdgeOptions(edge, private=private), workspace, recorder.backends, "", remark, lambda line: None) as urls,
            connect(urls.edge, recorder, loopback) as local_edge,
        ):
            return {file: [await judge_live(one, local_edge, compiled, tracer) for one in results[file]] for file in results}

    return asyncio.run(ask())
