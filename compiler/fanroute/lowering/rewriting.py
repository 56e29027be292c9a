"""Lowers `rewrite`."""

from fanroute.spec import rewriting
from fanroute.spec.template import parse_template
from fanroute_runtime.plan.rewriting import Rewrite


def lower_rewrite(spec: rewriting.Rewrite | None) -> Rewrite | None:
    """Returns the Plan's form of a `rewrite`. The match guarantees what it strips, so only the number of segments counts."""
    if spec is None:
        return None
    query = spec.query or rewriting.QueryChanges()
    changes = tuple((name, parse_template(value)) for name, value in query.set.items()), tuple(query.remove)
    if spec.path is not None:
        return Rewrite(parse_template(spec.path), None, *changes)
    return Rewrite(parse_template(spec.add_prefix or ""), (spec.strip_prefix or "").count("/"), *changes)
