"""`fanroute verify`: checks that a service serves a routes.yaml."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import click

from fanroute.cli.options import check_or_exit, env_option, examples, routes_option
from fanroute.cli.output import exit_failed, exit_if_failed, exit_on_failure, fail, print_all_diagnostics, remark, say
from fanroute.cli.request_options import checked
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled
from fanroute.plan.health import Health, health_of
from fanroute.project.workspace import Workspace, read_file
from fanroute.routetests.document import request_url
from fanroute.routetests.environments import tests_in_environment
from fanroute.routetests.judge import counts_text, diagnostics_of, judge
from fanroute.routetests.outcome import make_tracer
from fanroute.routetests.read import ParsedTests, read_tests


def _service_url(context: click.Context, argument: click.Parameter, value: str) -> str:
    """Returns the URL of a service, without a path. Raises click.BadParameter."""
    checked(request_url, value if "://" in value and urlsplit(value).path else f"{value}/", "URL")
    parts = urlsplit(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise click.BadParameter(f"{value!a} has a path: write only the scheme and host of the service")
    return f"{parts.scheme.lower()}://{parts.netloc}"


@click.command(
    epilog=examples("fanroute verify https://chat.example.com", "fanroute verify https://staging.example.com --env staging")
)
@click.argument("url", callback=_service_url)
@routes_option
@env_option
def verify(url: str, routes: Path, environment: str) -> None:
    """Check that the service at URL, such as https://chat.example.com, serves a routes.yaml with `health`.

    It asks the service which routes it serves. Then it runs the route tests that the edge or Fanout answers, except those with
    tokens and those with WebSockets. The exit code is 1 if the service serves other routes, or answers a test differently.
    """
    from fanroute.routetests.service import NoHealth, ask_health, judge_all  # late: the help needs no HTTP client

    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        compiled = check_or_exit(workspace, environment).compiled[environment]
        expected = health_of(compiled.plan)
        if expected is None or compiled.spec.health is None:
            fail(f"error: {routes} has no 'health': add 'health: /-/healthz', and publish the service")
        try:
            found = asyncio.run(ask_health(url, compiled.spec.health))
        except NoHealth as error:
            fail(f"error: {error}")
        differs = found.routes != expected.routes
        if differs:
            remark(f"error: {_difference(url, routes, expected, found)}")
        else:
            say(f"{url} serves {routes}: routes {found.routes}, built by {found.build}")
        failed = False
        if workspace.tests.exists():
            parsed = _tests(workspace, compiled)
            tracer = make_tracer(compiled)
            results = asyncio.run(judge_all(judge(parsed, compiled), url, compiled, tracer))
            found_there = [one for result in results for one in diagnostics_of(result, parsed, compiled, str(routes))]
            print_all_diagnostics([(workspace.tests, found_there)], "text")
            say(f"{workspace.tests}: {counts_text(results)}")
            failed = any(result.verdict == "failed" for result in results)
    exit_if_failed(failed=differs or failed)


def _difference(url: str, routes: Path, expected: Health, found: Health) -> str:
    """Says that a service serves other routes than a file."""
    other = f"; it was built by {found.build} and not by {expected.build}, which can make a difference of its own"
    versions = other if found.build != expected.build else ""
    return f"{url} serves other routes than {routes}: {found.routes}, not {expected.routes}{versions}"


def _tests(workspace: Workspace, compiled: Compiled) -> ParsedTests:
    """Reads the route tests of a folder. If they have errors, prints them and exits."""
    try:
        return tests_in_environment(read_tests(read_file(workspace.tests), compiled), compiled)
    except Invalid as invalid:
        print_all_diagnostics([(workspace.tests, invalid.diagnostics)], "text")
        exit_failed()
