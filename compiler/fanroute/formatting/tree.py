"""Parses YAML into a tree of entries, each with its comments: those above it, beside it, and at its end. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from fanroute.formatting.comments import Comment, find_comments


@dataclass(slots=True, eq=False)
class Entry:
    """Represents a key with its value, an item of a list, or the whole text as the root.

    Args:
        value: the node of the value.
        index: where the entry begins in the text; -1 for the root.
        column: where it begins in its line; -1 for the root.
        key: the node of the key; None for an item and for the root.
        parent: the entry around it; None for the root.
        children: the entries in it.
        is_flow: True if it is in braces or brackets, without comments in them.
        above: the lines of comments above it, "" for a blank one.
        beside: the comment beside it.
        below: the lines of comments below its last child.
    """

    value: yaml.Node
    index: int = -1
    column: int = -1
    key: yaml.ScalarNode | None = None
    parent: "Entry | None" = None
    children: list["Entry"] = field(default_factory=list)
    is_flow: bool = False
    above: list[str] = field(default_factory=list)
    beside: str = ""
    below: list[str] = field(default_factory=list)

    def encloses(self, index: int) -> bool:
        """Returns True if an index in the text is within this entry's braces or brackets."""
        is_flow = isinstance(self.value, yaml.CollectionNode) and self.value.flow_style
        return bool(is_flow) and self.value.start_mark.index < index < self.value.end_mark.index


class _Loader(yaml.BaseLoader):
    """Keeps the tokens that it makes nodes of."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tokens_seen: list[yaml.Token] = []

    def get_token(self) -> yaml.Token:
        token: yaml.Token = super().get_token()  # type: ignore[no-untyped-call]
        self.tokens_seen.append(token)
        return token


def parse_tree(text: str) -> Entry:
    """Returns the root of a text. Raises yaml.YAMLError."""
    loader = _Loader(text)
    node = loader.get_single_node()
    assert node is not None
    root = Entry(node)
    comments = find_comments(text, loader.tokens_seen)
    dashes = [token.start_mark for token in loader.tokens_seen if isinstance(token, yaml.BlockEntryToken)]
    _add_children(root, dashes, [mark.index for mark in dashes], [comment.index for comment in comments if comment.text])
    root.is_flow = False
    entries = list(_commentable(root))
    starts = [entry.index for entry in entries]
    for comment in comments:
        position = bisect_right(starts, comment.index)
        last = entries[position - 1] if position else root
        following = entries[position] if position < len(entries) else None
        _attach(comment, last, following)
    return root


def _add_children(entry: Entry, dashes: list[yaml.Mark], dash_indexes: list[int], comment_indexes: list[int]) -> None:
    """Adds the children of an entry, and theirs."""
    value = entry.value
    if isinstance(value, yaml.MappingNode):
        entry.children = [Entry(child, key.start_mark.index, key.start_mark.column, key, entry) for key, child in value.value]
    elif isinstance(value, yaml.SequenceNode):
        marks = [child.start_mark for child in value.value]
        if not value.flow_style:
            marks = [dashes[bisect_left(dash_indexes, mark.index) - 1] for mark in marks]
        pairs = zip(value.value, marks, strict=True)
        entry.children = [Entry(child, mark.index, mark.column, None, entry) for child, mark in pairs]
    if isinstance(value, yaml.CollectionNode) and value.flow_style:
        first = bisect_right(comment_indexes, value.start_mark.index)
        entry.is_flow = first == bisect_left(comment_indexes, value.end_mark.index)
    for child in entry.children:
        _add_children(child, dashes, dash_indexes, comment_indexes)


def _commentable(entry: Entry) -> Iterator[Entry]:
    """Yields the entries below this one that can have comments of their own, in order."""
    for child in entry.children:
        yield child
        if not child.is_flow:
            yield from _commentable(child)


def _attach(comment: Comment, last: Entry, following: Entry | None) -> None:
    """Adds a comment to its entry. `last` is the last entry that begins before the comment, `following` the next one."""
    if not comment.is_alone:
        if last.parent and not last.beside:
            last.beside = comment.text
        else:
            (last if last.parent else following or last).above.append(comment.text)
    elif enclosing := _enclosing(comment, last):
        if following and following.parent is enclosing:
            following.above.append(comment.text)
        elif not enclosing.is_flow:
            (enclosing.below if enclosing.children else enclosing.above).append(comment.text)
    else:
        owner = _owner(comment, last)
        if following and (following.parent in (owner, last) or not comment.text or comment.indentation <= following.column):
            following.above.append(comment.text)
        else:
            owner.below.append(comment.text)


def _enclosing(comment: Comment, last: Entry) -> Entry | None:
    """Returns the entry whose braces or brackets are the innermost around a comment, or None."""
    entry: Entry | None = last
    while entry and not entry.encloses(comment.index):
        entry = entry.parent
    return entry


def _owner(comment: Comment, last: Entry) -> Entry:
    """Returns the entry at whose end a comment is, by the comment's indentation."""
    while last.parent and last.column > comment.indentation:
        last = last.parent
    return last.parent or last
