"""Reads the names of claims: `role`, `realm_access.roles` within an object, `https://example.com/roles`. Pure."""

import re

from fanroute.diagnostics.printable import quoted

# Names of claims: printable ASCII without what ends a quoted string or a reference.
CLAIM = re.compile(r"[!#-\x5b\x5d-z|~]+")

# Ends of domains and beginnings of reversed domains, which issuers use in names of claims of their own.
_OF_DOMAINS = frozenset("app cloud co com dev edu gov info io me net org".split())
# Claims that are never objects (RFC 7519, 4.1; RFC 8693, 4.2 and 4.3; OpenID Connect Core 1.0, 2).
_TEXTS = frozenset("aud auth_time azp client_id email exp iat iss jti nbf nonce scope scp sid sub".split())
# An escape of a JSON Pointer that does not exist (RFC 6901, 3).
_BAD_ESCAPE = re.compile("~(?![01])")


def claim_path(name: str) -> tuple[str, ...]:
    """Returns the claim that a name means, and the names of the members that lead on within it.

    A name that begins with `/` is a JSON Pointer (RFC 6901). A name with a `:` or `/` is that of one claim, as a URL is
    (RFC 7519, 4.2). In any other name, dots separate the steps.
    """
    if name.startswith("/"):
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in name[1:].split("/"))
    return (name,) if ":" in name or "/" in name else tuple(name.split("."))


def pointer(path: tuple[str, ...]) -> str:
    """Returns a path as a JSON Pointer."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def fault_of_claim(name: str) -> tuple[str, str]:
    """Returns what is wrong with the name of a claim, and what to write in its place. Both are "" for a valid name."""
    path = claim_path(name)
    if name.startswith("/"):
        if _BAD_ESCAPE.search(name):
            return f"{quoted(name)} has a '~' without 0 or 1 after it", "write '~0' for a '~', and '~1' for a '/' in a name"
        plain = ".".join(path)
        if claim_path(plain) == path and all(path) and not meant_as_one(plain):
            return f"{quoted(name)} is a longer name for a claim", f"write '{plain}'"
    elif not all(path):
        return (
            f"{quoted(name)} has an empty name before or after a dot",
            f"write '{pointer((name,))}' if the dots belong to the name",
        )
    return "", ""


def meant_as_one(name: str) -> str:
    """Returns the name that is probably meant if dots in a name look like those of a domain, as in `kubernetes.io`.

    Returns "" if they do not.
    """
    path = claim_path(name)
    if name.startswith("/") or len(path) == 1:
        return ""
    if path[0] in _OF_DOMAINS or path[0] in _TEXTS:
        return pointer((name,))
    return pointer((".".join(path[:2]), *path[2:])) if path[1] in _OF_DOMAINS else ""
