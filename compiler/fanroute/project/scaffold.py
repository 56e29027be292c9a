"""What a folder begins as: the files of a template, and the schema that editors read. Pure."""

import json
from collections.abc import Mapping

from fanroute.spec.json_schema import FILE, MODELINE, schema

ROUTES = "routes.yaml"


def begun(template: Mapping[str, str]) -> dict[str, str]:
    """The texts of a new folder, by file name, from those of its template."""
    routes = f"{MODELINE}\n{template[ROUTES]}"
    return {**template, ROUTES: routes, FILE: json.dumps(schema(), indent=2) + "\n"}


def described(template: Mapping[str, str]) -> str:
    """What a template is for: how its routes.yaml begins."""
    return template[ROUTES].partition("\n")[0].removeprefix("# ").rstrip(".")
