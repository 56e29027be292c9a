"""The parts of a YAML text with the comments that belong to each: what is above a part, beside it, or at the end of it. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from fanroute.formatting.comments import Comment, comments


@dataclass(slots=True, eq=False)
class Part:
    """A key or an item with its value, or the whole text: where it begins, in the text and in its line, and its comments."""

    value: yaml.Node
    index: int = -1
    column: int = -1
    key: yaml.ScalarNode | None = None
    parent: "Part | None" = None
    children: list["Part"] = field(default_factory=list)
    # Written in braces or brackets, and without comments in them.
    flow: bool = False
    # Lines above it, "" for a blank one; beside it; and below its last child.
    above: list[str] = field(default_factory=list)
    beside: str = ""
    below: list[str] = field(default_factory=list)

    def encloses(self, index: int) -> bool:
        """Whether a place in the text is within this part's braces or brackets."""
        flow = isinstance(self.value, yaml.CollectionNode) and self.value.flow_style
        return bool(flow) and self.value.start_mark.index < index < self.value.end_mark.index


class _Loader(yaml.BaseLoader):
    """Remembers the tokens that its nodes are made of."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tokens_seen: list[yaml.Token] = []

    def get_token(self) -> yaml.Token:
        token: yaml.Token = super().get_token()  # type: ignore[no-untyped-call]
        self.tokens_seen.append(token)
        return token


def laid_out(text: str) -> Part:
    """A text that can be parsed, as the part that is all of it."""
    loader = _Loader(text)
    whole = loader.get_single_node()
    assert whole is not None
    root = Part(whole)
    found = comments(text, loader.tokens_seen)
    dashes = [token.start_mark for token in loader.tokens_seen if isinstance(token, yaml.BlockEntryToken)]
    _grow(root, dashes, [mark.index for mark in dashes], [comment.index for comment in found if comment.text])
    root.flow = False
    parts = list(_commented(root))
    starts = [part.index for part in parts]
    for comment in found:
        position = bisect_right(starts, comment.index)
        last = parts[position - 1] if position else root
        following = parts[position] if position < len(parts) else None
        _attach(comment, last, following)
    return root


def _grow(part: Part, dashes: list[yaml.Mark], dash_indexes: list[int], comment_indexes: list[int]) -> None:
    """Give a part its children, and theirs."""
    value = part.value
    if isinstance(value, yaml.MappingNode):
        part.children = [Part(child, key.start_mark.index, key.start_mark.column, key, part) for key, child in value.value]
    elif isinstance(value, yaml.SequenceNode):
        marks = [child.start_mark for child in value.value]
        if not value.flow_style:
            marks = [dashes[bisect_left(dash_indexes, mark.index) - 1] for mark in marks]
        part.children = [Part(child, mark.index, mark.column, None, part) for child, mark in zip(value.value, marks, strict=True)]
    if isinstance(value, yaml.CollectionNode) and value.flow_style:
        first = bisect_right(comment_indexes, value.start_mark.index)
        part.flow = first == bisect_left(comment_indexes, value.end_mark.index)
    for child in part.children:
        _grow(child, dashes, dash_indexes, comment_indexes)


def _commented(part: Part) -> Iterator[Part]:
    """The parts that can have comments of their own, in order."""
    for child in part.children:
        yield child
        if not child.flow:
            yield from _commented(child)


def _attach(comment: Comment, last: Part, following: Part | None) -> None:
    """Give a comment to the part it belongs to, of the last one that begins before it and the one that follows it."""
    if not comment.alone:
        if last.parent and not last.beside:
            last.beside = comment.text
        else:
            (last if last.parent else following or last).above.append(comment.text)
    elif enclosing := _enclosing(comment, last):
        if following and following.parent is enclosing:
            following.above.append(comment.text)
        elif not enclosing.flow:
            (enclosing.below if enclosing.children else enclosing.above).append(comment.text)
    else:
        owner = _owner(comment, last)
        if following and (following.parent in (owner, last) or not comment.text or comment.indentation <= following.column):
            following.above.append(comment.text)
        else:
            owner.below.append(comment.text)


def _enclosing(comment: Comment, last: Part) -> Part | None:
    """The innermost braces or brackets around a comment."""
    part: Part | None = last
    while part and not part.encloses(comment.index):
        part = part.parent
    return part


def _owner(comment: Comment, last: Part) -> Part:
    """The part at whose end a comment stands, by its indentation, if no part of it follows."""
    while last.parent and last.column > comment.indentation:
        last = last.parent
    return last.parent or last
