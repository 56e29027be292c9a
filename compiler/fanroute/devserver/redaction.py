"""What a log tells of requests, without the tokens in their queries. Pure."""

import re
from collections.abc import Callable

from fanroute_runtime.plan import Plan


def token_parameters(plan: Plan) -> list[str]:
    """The names of the query parameters that a Plan's tokens are in."""
    auths = {route.auth for route in plan.routes if route.auth}
    return sorted({place.name for auth in auths for place in auth.places if place.kind == "query"})


def redacting(plan: Plan) -> Callable[[str], str]:
    """What takes the values of the query parameters that a Plan's tokens are in out of a text, whatever the names' spelling."""
    names = token_parameters(plan)
    if not names:
        return lambda text: text
    pattern = re.compile(rf"([?&](?:{'|'.join(map(_spelt, names))})=)[^&#\s\"]*")
    return lambda text: pattern.sub(r"\1…", text)


def _spelt(name: str) -> str:
    """A pattern of the spellings of a parameter's name in a query: any character may be percent-encoded, a space is a `+` too."""
    return "".join(map(_character, name))


def _character(character: str) -> str:
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape('+' if character == ' ' else character)}|(?i:{encoded}))"
