"""The comments and blank lines of a YAML text, which its parser passes over. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

# What ends a line (YAML 1.1, 5.4), and a line with its end.
_BREAKS = "\r\n\x85\u2028\u2029"
_LINE = re.compile(rf"([^{_BREAKS}]*)(\r\n|[{_BREAKS}]|\Z)")
# How a block scalar begins.
_HEADER = re.compile(rf"[|>]([-+0-9]*)([ \t]+#[^{_BREAKS}]*)?")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its `#`, or a blank line: where it begins in the text, and its indentation if it is alone on its line."""

    index: int
    indentation: int
    text: str
    alone: bool


def comments(text: str, tokens: Iterable[yaml.Token]) -> list[Comment]:
    """All comments and blank lines of a text, in order; the tokens are those of PyYAML's parser in Python."""
    found: list[Comment] = []
    end = 0
    for token in tokens:
        start = token.start_mark.index
        found += _between(text, end, start)
        end = max(end, token.end_mark.index)
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            header = _HEADER.match(text, start)
            assert header is not None
            if header[2]:
                found.append(Comment(header.start(2), 0, header[2].strip(), alone=False))
            if "+" not in header[1]:
                # The blank lines after it are not its own.
                end = start + len(text[start:end].rstrip())
    return [*found, *_between(text, end, len(text))]


def _between(text: str, start: int, end: int) -> Iterator[Comment]:
    """Those of a stretch between two tokens."""
    for line in _LINE.finditer(text, start, end):
        alone = line.start() == 0 or text[line.start() - 1] in _BREAKS
        before, sign, written = line[1].partition("#")
        if sign:
            yield Comment(line.start() + len(before), len(before) if alone else 0, f"#{written}".rstrip(), alone)
        elif alone and line[2]:
            yield Comment(line.start(), 0, "", alone)
