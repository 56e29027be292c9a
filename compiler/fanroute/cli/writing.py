"""What helps to write a routes.yaml: `schema`."""

import json

import click

from fanroute.cli.terminal import say
from fanroute.schema import schema as routes_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of routes.yaml, with which editors complete and check it.

    For instance: fanroute schema > routes.schema.json, and in routes.yaml as the first line
    # yaml-language-server: $schema=./routes.schema.json
    """
    say(json.dumps(routes_schema(), indent=2))
