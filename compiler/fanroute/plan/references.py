"""Finds the references in a Template of the Plan, and writes them as routes.yaml has them."""

from fanroute_runtime.plan import Bound, Template


def references(template: Template) -> list[Bound]:
    """Returns what a template takes from the request."""
    return [part for part in template if isinstance(part, Bound)]


def reference_text(bound: Bound) -> str:
    """Returns a reference as it is written in a template."""
    return f"{{{bound.name}}}" if bound.source == "path" else f"{{{bound.source}.{bound.name}}}"
