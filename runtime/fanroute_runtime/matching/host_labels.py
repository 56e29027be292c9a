"""Tests the first label of a host to which a match binds a name, as `{tenant}.example.com` does."""

from collections.abc import Callable
from typing import Any

from fanroute_runtime.matching.pattern import compile_pattern
from fanroute_runtime.plan import Parameter

# The longest label (RFC 1034, 3.1), and the pattern of one in lower case. It may have `_`, like those of hosts in routes.yaml.
MAX_LABEL = 63
LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
can_be_label = compile_pattern(LABEL).matches


def label_predicates(hosts: tuple[str, ...], parameter: Parameter) -> dict[str, Callable[[Any], bool]]:
    """Returns predicates for the hosts with a bound label, by their keys in routes.yaml (see `predicates.match_predicates`).

    The host must be a label and one of `hosts` without its `*`. So the label cannot be empty or have a dot.
    """

    def fits(label: str, dot: str, parent: str) -> bool:
        return f"*{dot}{parent}" in hosts and can_be_label(label)

    found: dict[str, Callable[[Any], bool]] = {"host": lambda client: fits(*client.host.partition("."))}
    if parameter.pattern:
        matches = compile_pattern(parameter.pattern).matches
        found[f"where {parameter.name}"] = lambda client: matches(client.host.partition(".")[0])
    return found
