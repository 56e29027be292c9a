"""Checks the names of claims, and what they are compared with: FR444, FR448 and FR449."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import AUTH, START
from fanroute.diagnostics.printable import in_yaml, in_yaml_item
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.spec.claim_names import claim_path, meant_as_one
from fanroute.spec.template import references_in
from fanroute.syntax.source import Path, Source

FR448 = Rule(
    "FR448",
    "warning",
    "dots in the name of a claim lead into an object, and look like those of one name",
    "With dots, `realm_access.roles` is the claim `roles` within the object `realm_access`. Some issuers have claims whose own "
    "names are domains, such as `kubernetes.io`. Read as a path, such a claim is missing from every token. A name that is a URL "
    "is never read as a path.",
    START + "routes:\n  - respond: {status: 200}\n    " + AUTH % "claims: {kubernetes.io.namespace: shop}",
    "Begin with a slash, and write slashes where the name leads into an object: `/kubernetes.io/namespace`. To keep the path, "
    "write a slash at each step: `/kubernetes/io/namespace`.",
)


@plan_check
def check_dotted_claims(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR448: a claim's name is read as a path, but its dots look like those of a domain, or of a claim that is text."""
    for path, name, is_key in _claim_names(file.source):
        if meant := meant_as_one(name):
            outer, inner, *_ = claim_path(name)
            message = f"'{name}' is '{inner}' within the claim '{outer}'"
            span = file.source.key_span(path) if is_key else file.source.value_span(path)
            yield Diagnostic(FR448, message, span, f"write '{meant}' if the dots belong to the name")


def _claim_names(source: Source) -> Iterator[tuple[Path, str, bool]]:
    """Yields each name of a claim in a file, with the path of what has it, and True if it is the key there."""
    for path, auth in raw.auths(source):
        yield from (((*path, "claims", name), name, True) for name in _mapping(auth.get("claims")))
        if isinstance(auth.get("channels"), str):
            yield (*path, "channels"), auth["channels"], False
    for index, route in raw.routes(source):
        for path, text in raw.templates(index, route):
            yield from ((path, bound.name, False) for bound in references_in(text) if bound.source == "claim")


FR449 = Rule(
    "FR449",
    "warning",
    "a scope is compared as a whole",
    "The claim `scope` is a text of words, in any order and with spaces between them (RFC 8693, 4.2). A comparison with the "
    "whole text refuses a token that has one more word, or the same words in another order.",
    START + "routes:\n  - respond: {status: 200}\n    " + AUTH % "claims: {scope: events:read}",
    "Write `scope: {word: events:read}`. If it must have several words, write `scope: {every_word: [events:read, rooms:join]}`.",
)
_SCOPES = ("scope", "scp")


@plan_check
def check_whole_scopes(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR449: a scope is compared as a whole."""
    for path, auth in raw.auths(file.source):
        for name, condition in _mapping(auth.get("claims")).items():
            if name in _SCOPES and (not isinstance(condition, dict) or "values" in condition):
                (first, value), *_ = raw.claim_values(path, {"claims": {name: condition}})
                words = value.split()
                wanted = {"word": value} if len(words) < 2 else {"every_word": words}
                message = f"the whole '{name}' of a token must be '{value}'"
                yield Diagnostic(FR449, message, file.source.value_span(first), f"write '{name}: {in_yaml(wanted)}'")


FR444 = Rule(
    "FR444",
    "warning",
    "a condition is on a claim that the edge checks itself",
    "The edge compares the times `exp` and `nbf` with the clock, `iss` with `issuer`, and `aud` with `audience`. A time is a "
    "number of seconds that is another one in each token, so no token has a value of it that is written here. Without "
    "`audience`, no token with an `aud` is accepted.",
    START + "routes:\n  - respond: {status: 200}\n    " + AUTH % "claims: {exp: 1h}",
    "Remove the condition, or write `issuer` or `audience`.",
)
_TIMES = ("exp", "nbf", "iat")


@plan_check
def check_own_claims(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR444: a condition is on a claim that the edge checks itself."""
    for path, auth in raw.auths(file.source):
        for name, condition in _mapping(auth.get("claims")).items():
            present = condition.get("present") if isinstance(condition, dict) else None
            values = [value for _, value in raw.claim_values(path, {"claims": {name: condition}})]
            if name in _TIMES and present is None:
                message = f"'{name}' is a time, so no two tokens have the same value of it"
                suggestion = "remove it: the edge checks 'exp' and 'nbf' itself"
            elif name == "exp" and present is False:
                message, suggestion = "every token needs an 'exp', so no token fits this", "remove it"
            elif name == "iss" and values:
                message, suggestion = (
                    "'issuer' says what 'iss' has to be",
                    f"write 'issuer: {in_yaml_item(values[0])}' beside 'claims'",
                )
            elif name == "aud" and present is not False and not {"audience", "profile"} & {*auth} and path[0] != "auth_profiles":
                message = "a token with an 'aud' is only accepted if 'audience' names it, so no token fits this"
                suggestion = f"write 'audience: {in_yaml_item(values[0]) if values else 'NAME'}' beside 'claims'"
            else:
                continue
            yield Diagnostic(FR444, message, file.source.key_span((*path, "claims", name)), suggestion)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
