"""Names a claim whose words are compared, and puts claims where a token has them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from fanroute_runtime.plan.auth import ClaimPart

# No claim of routes.yaml has a space in its name.
_WORDS = " (its words)"


def by_words(claim: str) -> str:
    """Returns the name under which the words of a claim are a list."""
    return claim + _WORDS


def words_of(name: str) -> str:
    """Returns the claim whose words have this name, or "" if it is that of a claim itself."""
    return name.removesuffix(_WORDS) if name.endswith(_WORDS) else ""


def as_token_has_them(claims: Mapping[str, Any], parts: Iterable[ClaimPart]) -> dict[str, Any]:
    """Returns claims with each part in its place within other claims."""
    placed = {**claims}
    for part in parts:
        if part.name in placed:
            _place(placed, part, placed.pop(part.name))
    return placed


def _place(claims: dict[str, Any], part: ClaimPart, value: Any) -> None:
    *outer, last = part.path
    for name in outer:
        inner = claims.get(name)
        claims[name] = claims = {**inner} if isinstance(inner, dict) else {}
    before = claims.get(last)
    claims[last] = f"{before} {value}" if part.words and isinstance(before, str) else value
