"""`fanroute schema`: prints the JSON Schema of routes.yaml or routes.test.yaml."""

import json

import click

from fanroute.cli.options import examples
from fanroute.cli.output import say_json
from fanroute.routetests.editor_schema import route_tests_editor_schema
from fanroute.spec.editor_schema import routes_editor_schema


@click.command(epilog=examples("fanroute schema > routes.schema.json", "fanroute schema --tests > routes.test.schema.json"))
@click.option("--tests", is_flag=True, help="Print the schema of routes.test.yaml.")
def schema(tests: bool) -> None:
    """Print the JSON Schema of routes.yaml. Editors use it to complete, explain and check the file.

    For an editor to find it, begin routes.yaml with this line:

    \b
      # yaml-language-server: $schema=./routes.schema.json

    A routes.test.yaml has routes.test.schema.json in place of that. `fanroute init` writes these lines and both schemas.
    """
    say_json(json.dumps(route_tests_editor_schema() if tests else routes_editor_schema(), indent=2))
