"""Writes texts of other tools so that each character stands for itself: in a path, a target or a pattern of routes.yaml. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_plus

from fanroute.spec.types import STRAY_PERCENT

_REFERENCE = re.compile(r"(\{[^{}]*\})")


def path_text(text: str) -> str:
    """Returns a text as a part of a match's path. No `{` or `*` of it has a meaning there, and `:` looks like no parameter."""
    return re.sub(r"(?<!\w):", "%3A", quote(STRAY_PERCENT.sub("%25", text), safe="/-._~%@+,:"))


def target_text(text: str) -> str:
    """Returns a text as a part of a URL that may have references. No brace of it begins one."""
    return quote(STRAY_PERCENT.sub("%25", text), safe="/:?#[]@!$&'()*+,;=-._~%")


def pattern_text(text: str) -> str:
    """Returns a pattern that only this text fits."""
    return re.sub(r"([ -.:-@\[-^`{-~])", r"\\\1", text)


def whole_pattern(expression: str) -> str:
    """Returns the pattern for the whole of each value in which an expression is found, as JSON Schema has them.

    Without `^` or `$`, anything may be before or after. Both belong to one alternative: `^a|b$` is found in `ax` and `xb`.
    """
    made = []
    for one in _alternatives(expression):
        is_end = re.search(r"(?<!\\)(\\\\)*\$$", one) is not None
        inner = one.removeprefix("^")[: -1 if is_end else None]
        made.append(f"{'' if one.startswith('^') else '.*'}{inner}{'' if is_end else '.*'}")
    return "|".join(made)


def _alternatives(expression: str) -> list[str]:
    """Splits an expression at each `|` that is in no group and no class."""
    found, start, depth, is_class = [], 0, 0, False
    for token in re.finditer(r"\\.|[|()\[\]]", expression, re.DOTALL):
        if token[0] in ("[", "]"):
            is_class = token[0] == "["
        elif not is_class and token[0] in ("(", ")"):
            depth += 1 if token[0] == "(" else -1
        elif not is_class and token[0] == "|" and depth == 0:
            found.append(expression[start : token.start()])
            start = token.end()
    return [*found, expression[start:]]


def filled(text: str, references: Mapping[str, str], after: str = r"(?!\w)") -> str:
    """Returns a URL in which some words stand for references of routes.yaml, and everything else for itself.

    `after` is an expression for what follows such a word and belongs to it.
    """
    if not references:
        return target_text(text)
    words = "|".join(re.escape(word) for word in sorted(references, key=len, reverse=True))
    parts = re.split(rf"({words}){after}", text)
    return "".join(references[part] if index % 2 else target_text(part) for index, part in enumerate(parts))


def decoded_value(text: str) -> str | None:
    """Returns the value of a query parameter in a URL with references, decoded. Returns None if it has a brace of its own."""
    parts = [part if index % 2 else unquote_plus(part) for index, part in enumerate(_REFERENCE.split(text))]
    return None if any("{" in part or "}" in part for part in parts[::2]) else "".join(parts)
