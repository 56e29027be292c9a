"""Checks the environment variables that a file uses: FR210, FR213 and FR407."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.types import as_list
from fanroute.syntax.source import Path, Source
from fanroute.syntax.variables import is_allowed, takes_variables, variable_names

FR210 = Rule(
    "FR210",
    "error",
    "an environment variable is not set and has no default",
    "In a backend or a matched host, `${NAME}` stands for an environment variable of the build. Without its value, the build "
    "would make a service for another host than you mean, so it stops.",
    START.replace("app.example.com", "${ORIGIN_HOST}") + "routes:\n  - handoff: origin\n",
    "Set the variable where the build runs, or write a default: `${NAME:-default}`.",
)

FR213 = Rule(
    "FR213",
    "error",
    "a file uses a variable that its `variables` does not list",
    "The values of variables become part of the component and of fastly.toml, and requests go to the hosts that they name. If "
    "the file has `variables`, nobody can make it use another variable, such as a token for another program, without changing "
    "that list too.",
    START.replace("backends", "variables: [APP_*]\nbackends").replace("app.example", "${HOST:-app.example}")
    + "routes:\n  - handoff: origin\n",
    "Use a variable that `variables` lists, or add the name there.",
)


@source_check()
def check_variable_values(source: Source) -> Iterator[Diagnostic]:
    """Reports FR213 or FR210: `variables` does not list a variable, or it has no value."""
    listed = source.data.get("variables")
    allowed = [name for name in as_list(listed) if isinstance(name, str)]
    for _, text, span, mistakes in source.variables:
        refused = [name for name in variable_names(text) if listed is not None and not is_allowed(name, allowed)]
        for name in refused:
            suggestion = f"use one of {', '.join(allowed)}, or add '{name}' there" if allowed else f"add '{name}' there"
            yield Diagnostic(FR213, f"'variables' does not list the variable '{name}'", span, suggestion)
        yield from (Diagnostic(FR210, message, span, suggestion) for name, message, suggestion in mistakes if name not in refused)


FR407 = Rule(
    "FR407",
    "warning",
    "an environment variable is in a place where it is not read",
    "In backends and in the hosts of a match, the build replaces `${NAME}` with a variable. Anywhere else it is text: a header "
    "`Authorization: Bearer ${KEY}` is sent with exactly these characters. In channels, `meta`, locations, links and claims, "
    "`${room}` is a `$` and the value of `{room}`.",
    START + "routes:\n  - forward: origin\n    request_headers: {set: {X-Region: '${REGION}'}}\n",
    "Write the value itself, or `{room}` for a value of the request. Never write a secret, because everybody who has the "
    "component can read it; your origin can add it instead. If a body should contain this text, put it in a `file`.",
)

# Keys whose text may be a script, in which `${name}` has a meaning of its own.
_CONTENTS = ("body", "data")


@plan_check
def check_variable_places(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR407: a variable is in a place where it is not read, or a '$' precedes a reference as if that were a variable."""
    source = file.source
    # Python writes these characters as they are. Most files have none, and this finds it out faster than going through them.
    if "${" not in repr(source.data):
        return
    templates = {path for index, route in raw.routes(source) for path, _ in raw.templates(index, route)}
    templates |= {path for auth_path, auth in raw.auths(source) for path, _ in raw.claim_values(auth_path, auth)}
    for path, text in _texts((), source.data):
        if "${" not in text or takes_variables(path):
            continue
        if path in templates:
            # The file is valid, so the match binds what is in braces here.
            reference = "{" + text.partition("${")[2].partition("}")[0] + "}"
            message = f"'${reference}' is not a variable here: it is a '$' and the value of {reference}"
            yield Diagnostic(FR407, message, source.value_span(path), f"write '{reference}'")
            continue
        name = next((name for name in variable_names(text) if name.isupper() or path[-1] not in _CONTENTS), None)
        if name is not None:
            message = f"the variable '{name}' is not read here: this is text"
            suggestion = "write the value: variables are for a backend's 'url', 'local' and 'host', and for the hosts of a match"
            yield Diagnostic(FR407, message, source.value_span(path), suggestion)


def _texts(path: Path, data: Any) -> Iterator[tuple[Path, str]]:
    """Yields each text in some data with its path."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _texts((*path, key), value)
