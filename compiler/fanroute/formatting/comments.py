"""Finds the comments and blank lines of a YAML text, which PyYAML's parser ignores. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

# The characters that end a line (YAML 1.1, 5.4), and a line with its end.
_BREAKS = "\r\n\x85\u2028\u2029"
_LINE = re.compile(rf"([^{_BREAKS}]*)(\r\n|[{_BREAKS}]|\Z)")
# The header of a block scalar.
_HEADER = re.compile(rf"[|>]([-+0-9]*)([ \t]+#[^{_BREAKS}]*)?")


@dataclass(frozen=True, slots=True)
class Comment:
    """Holds a comment with its `#`, or a blank line as "".

    Args:
        index: where it begins in the text.
        indentation: how far it is indented; 0 if it is not alone on its line.
        text: the comment.
        is_alone: True if its line has nothing else.
    """

    index: int
    indentation: int
    text: str
    is_alone: bool


def find_comments(text: str, tokens: Iterable[yaml.Token]) -> list[Comment]:
    """Returns all comments and blank lines of a text, in order. `tokens` are those that PyYAML's parser reads from it."""
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
                found.append(Comment(header.start(2), 0, header[2].strip(), is_alone=False))
            if "+" not in header[1]:
                # The blank lines after the scalar are not part of it.
                end = start + len(text[start:end].rstrip())
    return [*found, *_between(text, end, len(text))]


def _between(text: str, start: int, end: int) -> Iterator[Comment]:
    """Yields the comments and blank lines between two tokens."""
    for line in _LINE.finditer(text, start, end):
        is_alone = line.start() == 0 or text[line.start() - 1] in _BREAKS
        before, sign, comment = line[1].partition("#")
        if sign:
            yield Comment(line.start() + len(before), len(before) if is_alone else 0, f"#{comment}".rstrip(), is_alone)
        elif is_alone and line[2]:
            yield Comment(line.start(), 0, "", is_alone=True)
