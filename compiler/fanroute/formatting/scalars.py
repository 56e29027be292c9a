"""Writes text as YAML scalars: plain if every parser reads the same text, or else quoted. Pure."""

import io
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.emitter import Emitter
from yaml.resolver import Resolver

# The numbers of YAML 1.2's core schema (10.3.2) that YAML 1.1 does not have.
_NUMBER = re.compile(r"0o[0-7]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TEXT = "tag:yaml.org,2002:str"


# The characters that have a short escape in double quotes (YAML 1.1, 5.6).
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", '"': '\\"', "\\": "\\\\"}


@lru_cache(maxsize=4096)
def yaml_scalar(text: str, in_flow: bool) -> str:
    """Returns a text as a scalar on one line. `in_flow` is True within brackets or braces."""
    if _can_be_plain(text, in_flow):
        return text
    escapes = text.count('"') + text.count("\\")
    if escapes > text.count("'") and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return f'"{"".join(map(_escape, text))}"'


def _escape(character: str) -> str:
    if character in _ESCAPES or character.isprintable():
        return _ESCAPES.get(character, character)
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def block_scalar(text: str) -> list[str] | None:
    """Returns a text as the lines of a block scalar, its header first. Returns None if the text is easier to read quoted."""
    *lines, last = text.split("\n")
    lines += [last] if last else []
    if not text.strip() or any(line != line.rstrip() or not line.replace("\t", " ").isprintable() for line in lines):
        return None
    if not lines[0] or lines[0][0].isspace() or not lines[-1]:
        return None
    return ["|-" if last else "|", *lines]


def _can_be_plain(text: str, in_flow: bool) -> bool:
    emitter: Any = Emitter(io.StringIO(), allow_unicode=True)
    analysis = emitter.analyze_scalar(text)
    allowed = analysis.allow_flow_plain if in_flow else analysis.allow_block_plain
    return allowed and text.isprintable() and not _NUMBER.fullmatch(text) and _plain_tag(text) == _TEXT


def _plain_tag(text: str) -> str:
    """Returns the tag that YAML 1.1 gives to a plain scalar."""
    tag: str = Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag
