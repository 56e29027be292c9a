r"""Parses patterns into trees. Patterns are a subset of regular expressions that a deterministic automaton can decide.

The subset has literals, `.` (anything but a line feed), classes, `\d \w \s \D \W \S` for ASCII, `\t`, escapes of punctuation,
groups, `|` and `* + ? {n} {n,} {n,m}`. They mean the same as for Python's `re.fullmatch` with `re.ASCII`.
"""

from dataclasses import dataclass

# Longest pattern, in characters, and deepest nesting of its groups.
MAX_LENGTH = 256
MAX_DEPTH = 20

# Pairs of a first and a last code point. Several ranges are in order and do not touch.
Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)


@dataclass(frozen=True, slots=True)
class Chars:
    """Represents one character from a set. The set is not empty, and has no half of a surrogate pair."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """Represents parts that follow each other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Represents alternatives, of which one must match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Represents a part that is repeated from `least` to `most` times. None for `most` means any number of times."""

    part: "Node"
    least: int
    most: int | None


Node = Chars | Sequence | Choice | Repeat


class BadPattern(ValueError):
    """Raised for text that is not a pattern.

    Args:
        message: says what is wrong.
        suggestion: says how to fix it.
    """

    def __init__(self, message: str, suggestion: str) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion


def parse(text: str) -> Node:
    """Parses a pattern into a tree. Raises BadPattern."""
    if not text:
        raise BadPattern("a pattern must not be empty", "leave it out, or write '.*' for any text")
    if len(text) > MAX_LENGTH:
        raise BadPattern(f"a pattern must have at most {MAX_LENGTH} characters", "shorten it")
    reader = _Reader(text)
    node = reader.choice()
    if reader.next:
        raise BadPattern("the pattern has a ')' without its '('", r"write '\)' for the character")
    return node


def _complement(ranges: Ranges) -> Ranges:
    """Returns all characters except the given ones."""
    found: list[tuple[int, int]] = []
    start = 0
    for first, last in sorted((*ranges, _SURROGATES)):
        if start < first:
            found.append((start, first - 1))
        start = max(start, last + 1)
    return (*found, (start, LAST)) if start <= LAST else tuple(found)


def _union(ranges: Ranges) -> Ranges:
    return _complement(_complement(ranges))


def _one(character: str) -> Ranges:
    return ((ord(character), ord(character)),)


_DIGITS: Ranges = ((0x30, 0x39),)
_WORD: Ranges = (*_DIGITS, (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_SETS = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_SETS |= {name.upper(): _complement(ranges) for name, ranges in _SETS.items()}
_NOT_LINE_FEED = _complement(_one("\n"))

_COUNTS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_ANCHORS = frozenset("bBAZzG")
_ESCAPES = r"the escapes are \d \w \s \D \W \S \t, and '\' before punctuation"
# What may follow `(?` in other regular expressions. A pattern must not have it.
_GROUPS = {
    "=": ("lookahead", "describe the whole value"),
    "!": ("negative lookahead", "describe the whole value"),
    "<=": ("lookbehind", "describe the whole value"),
    "<!": ("negative lookbehind", "describe the whole value"),
    "P=": ("back-references", "write the possible texts instead"),
    ">": ("atomic groups", "write '(?:...)'"),
    "P<": ("named groups", "write '(...)'"),
    "<": ("named groups", "write '(...)'"),
    "#": ("comments", "leave it out"),
    "(": ("conditions", "write the alternatives with '|'"),
}


class _Reader:
    """Reads a pattern from left to right. `next` is the next character, or "" at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _ahead(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _take(self) -> str:
        character = self.next
        self._at += 1
        return character

    def choice(self) -> Node:
        parts = [self._sequence()]
        while self.next == "|":
            self._take()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.next and self.next not in "|)":
            parts.append(self._repeat())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeat(self) -> Node:
        part = self._atom()
        counts = self._counts()
        if counts is None:
            return part
        if self.next and self.next in "?+":
            suggestion = "leave it out: the whole value is matched anyway" if self.next == "?" else "leave it out"
            raise BadPattern(f"a pattern must not have lazy or possessive repeats, such as this '{self.next}'", suggestion)
        if self.next and self.next in "*{":
            raise BadPattern("the pattern repeats a repeat", "put the inner repeat in a group, as in '(a+)*'")
        return Repeat(part, *counts)

    def _counts(self) -> tuple[int, int | None] | None:
        """Reads the least and the most count of a repeat, or returns None if no repeat follows."""
        if self.next in _COUNTS:
            return _COUNTS[self._take()]
        if self.next != "{":
            return None
        inside, closed, _ = self._text[self._at + 1 :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not _is_number(least) or (most and not _is_number(most)):
            raise BadPattern("a '{' must begin a repeat", r"write {n}, {n,} or {n,m}; '\{' for the character")
        self._at += len(inside) + 2
        if not comma:
            return int(least), int(least)
        if most and int(most) < int(least):
            raise BadPattern(f"the repeat {{{inside}}} is the wrong way round", f"write {{{most},{least}}}")
        return int(least), int(most) if most else None

    def _atom(self) -> Node:
        character = self._take()
        match character:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return Chars(_NOT_LINE_FEED)
            case "\\":
                return Chars(self._escape())
            case "*" | "+" | "?" | "{":
                raise BadPattern(f"the '{character}' has nothing before it to repeat", rf"write '\{character}' for the character")
            case "]" | "}":
                raise BadPattern(
                    f"the pattern has a '{character}' that closes nothing", rf"write '\{character}' for the character"
                )
            case "^" | "$":
                raise BadPattern(f"a pattern must not have '{character}'", "patterns are anchored: leave it out")
        return Chars(self._character(character))

    def _group(self) -> Node:
        if self._ahead("?"):
            self._take()
            self._plain_group()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadPattern(f"groups must not be nested more than {MAX_DEPTH} deep", "nest fewer groups")
        node = self.choice()
        if self._take() != ")":
            raise BadPattern("the pattern has a '(' without its ')'", r"close it, or write '\(' for the character")
        self._depth -= 1
        return node

    def _plain_group(self) -> None:
        """Reads what follows `(?`, which must be a colon."""
        if self._ahead(":"):
            self._take()
            return
        for sign, (name, suggestion) in _GROUPS.items():
            if self._ahead(sign):
                raise BadPattern(f"a pattern must not have {name}, such as '(?{sign}'", suggestion)
        message = f"a pattern must not have flags, such as '(?{self.next}'"
        raise BadPattern(message, "write '(?:...)'; match both cases of a letter with '[aA]'")

    def _class(self) -> Node:
        negated = self._ahead("^")
        if negated:
            self._take()
        if self.next == "]":
            raise BadPattern("the pattern has a class without characters", r"write '\]' for the character")
        ranges: Ranges = ()
        while self.next != "]":
            ranges += self._item(first=not ranges)
        self._take()
        ranges = _complement(ranges) if negated else _union(ranges)
        if not ranges:
            raise BadPattern("the pattern has a class that contains no character", "remove some of its items")
        return Chars(ranges)

    def _item(self, first: bool) -> Ranges:
        """Reads a character, a set or a range of a class."""
        if self.next == "-" and not first and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
            raise BadPattern("a '-' in a class must be between two characters", r"put it last, or write '\-' for the character")
        start = self._member()
        if self.next != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return start
        self._take()
        end = self._member()
        if len(start) > 1 or len(end) > 1 or start[0][0] < start[0][1] or end[0][0] < end[0][1]:
            raise BadPattern("a range in a class must be from one character to another", r"put the '-' last, or write '\-'")
        if start > end:
            message = f"the range '{chr(start[0][0])}-{chr(end[0][0])}' is the wrong way round"
            raise BadPattern(message, f"write '{chr(end[0][0])}-{chr(start[0][0])}'")
        return ((start[0][0], end[0][0]),)

    def _member(self) -> Ranges:
        character = self._take()
        if not character:
            raise BadPattern("the pattern has a '[' without its ']'", r"close it, or write '\[' for the character")
        if character == "[":
            raise BadPattern("a class must not contain '['", r"write '\[' for the character")
        return self._escape() if character == "\\" else self._character(character)

    def _escape(self) -> Ranges:
        r"""Reads what follows a `\`, and returns the characters that the escape stands for."""
        character = self._take()
        if character in _SETS:
            return _SETS[character]
        if character == "t":
            return _one("\t")
        if not character:
            raise BadPattern(r"the pattern ends with a '\'", r"write '\\' for the character")
        if character in _ANCHORS:
            raise BadPattern(rf"a pattern must not have '\{character}'", "patterns are anchored: leave it out")
        if character in "123456789kg":
            message = rf"a pattern must not have back-references, such as '\{character}'"
            raise BadPattern(message, "write the possible texts instead")
        if character.isalnum() or not character.isascii() or not character.isprintable():
            raise BadPattern(rf"a pattern must not have the escape '\{character}'", _ESCAPES)
        return _one(character)

    def _character(self, character: str) -> Ranges:
        if _SURROGATES[0] <= ord(character) <= _SURROGATES[1]:
            raise BadPattern("a pattern must not have half of a surrogate pair", "write the whole character")
        return _one(character)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
