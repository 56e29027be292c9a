"""`fanroute grip-url`: prints the GRIP_URL for a server's GRIP library."""

import os
from pathlib import Path

import click

from fanroute.cli.edges import say_if_uncertain
from fanroute.cli.options import check_service, env_option, examples, routes_option
from fanroute.cli.output import exit_on_failure, fail, remark, say
from fanroute.client.grip_url import TOKEN, fastly_grip_url, local_grip_url
from fanroute.devserver.running import find_running
from fanroute.project.workspace import Workspace


@click.command(
    epilog=examples(
        "fanroute grip-url",
        'export GRIP_URL="$(fanroute grip-url)"',
        "fanroute grip-url --service 7i6HN3TK9wS159v2gPAZ8A",
    )
)
@click.option("--local", is_flag=True, help="For the local edge that runs for the folder of routes.yaml. The default.")
@click.option("--service", callback=check_service, metavar="ID", help="For this service at Fastly.")
@routes_option
@env_option
def grip_url(local: bool, service: str | None, routes: Path, environment: str) -> None:
    """Print the GRIP_URL with which your server's GRIP library publishes, and checks the Grip-Sig of requests.

    Libraries for Python (gripcontrol, django-grip) and JavaScript (@fanoutio/grip, serve-grip) take it. For --service, it has
    `$FASTLY_API_TOKEN` in place of the token for Fastly's API, which is not printed.
    """
    if local and service:
        raise click.UsageError("--local and --service exclude each other")
    if service:
        say(_at_fastly(service))
        remark(f"Put a token for Fastly's API in place of {TOKEN}: Fanroute does not print it")
        return
    workspace = Workspace(routes, environment=environment)
    with exit_on_failure(workspace):
        edge = find_running(workspace)
        say(local_grip_url(edge.publish))
        say_if_uncertain(edge, workspace, "this is for the usual ports")


def _at_fastly(service: str) -> str:
    """Returns the GRIP_URL of a service at Fastly. Exits if FASTLY_API_ENDPOINT names an API that is not safe."""
    from fanroute.project.fastly_endpoint import BadSetting, api_endpoint  # late: httpx takes a while

    try:
        return fastly_grip_url(service, api_endpoint(os.environ))
    except BadSetting as error:
        fail(f"error: {error}")
