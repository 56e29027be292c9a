"""`fanroute schema`: prints the JSON Schema of routes.yaml."""

import json

import click

from fanroute.cli.options import examples
from fanroute.cli.output import say_json
from fanroute.spec.json_schema import routes_schema


@click.command(epilog=examples("fanroute schema > routes.schema.json"))
def schema() -> None:
    """Print the JSON Schema of routes.yaml. Editors use it to complete and check the file.

    For an editor to find it, begin routes.yaml with this line:

    \b
      # yaml-language-server: $schema=./routes.schema.json
    """
    say_json(json.dumps(routes_schema(), indent=2))
