"""How text is written in YAML: plain where every reader takes it for the same text, quoted otherwise. Pure."""

import io
import re
from functools import lru_cache
from typing import Any

import yaml
from yaml.emitter import Emitter
from yaml.resolver import Resolver

# Numbers of YAML 1.2's core schema (10.3.2), where it has more than YAML 1.1.
_NUMBER = re.compile(r"0o[0-7]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TEXT = "tag:yaml.org,2002:str"


# Characters with an escape of their own in double quotes (YAML 1.1, 5.6).
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", '"': '\\"', "\\": "\\\\"}


@lru_cache(maxsize=4096)
def written(text: str, flow: bool) -> str:
    """A text on one line; `flow` is whether it stands within brackets or braces."""
    if _can_be_plain(text, flow):
        return text
    escapes = text.count('"') + text.count("\\")
    if escapes > text.count("'") and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in _ESCAPES or character.isprintable():
        return _ESCAPES.get(character, character)
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def literal(text: str) -> list[str] | None:
    """A text as the lines of a block scalar, the first of them its header; None for one that is better quoted."""
    *lines, last = text.split("\n")
    lines += [last] if last else []
    if not text.strip() or any(line != line.rstrip() or not line.replace("\t", " ").isprintable() for line in lines):
        return None
    if not lines[0] or lines[0][0].isspace() or not lines[-1]:
        return None
    return ["|-" if last else "|", *lines]


def _can_be_plain(text: str, flow: bool) -> bool:
    emitter: Any = Emitter(io.StringIO(), allow_unicode=True)
    found = emitter.analyze_scalar(text)
    allowed = found.allow_flow_plain if flow else found.allow_block_plain
    return allowed and text.isprintable() and not _NUMBER.fullmatch(text) and _resolved(text) == _TEXT


def _resolved(text: str) -> str:
    """The tag that YAML 1.1 gives a plain scalar."""
    tag: str = Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag
