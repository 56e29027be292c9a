"""Splits the source code of Go, JavaScript, TypeScript and Rust into statements, with their lines and blocks. Pure."""

import re
from dataclasses import dataclass, field

from fanroute.foreign.draft import NotImported

# How deeply blocks may be nested, and the most characters of a file, and of a statement that are kept.
MAX_DEPTH, MAX_SOURCE, MAX_STATEMENT = 100, 512 * 1024, 8192

_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING = re.compile(
    r"""r(?P<marks>\#+)".*?(?:"(?P=marks)|\Z)      # a raw string of Rust
      | "(?:\\.|[^"\\])*(?:"|\Z)
      | '(?:\\.|[^'\\\n])'                  # a character
      | '(?:\\.|[^'\\\n])*'(?![\w'])        # a string of JavaScript, but no lifetime of Rust
      | `(?:\\.|[^`\\])*(?:`|\Z)
      | (?<=[(,=:!&|?]\ )/(?![/*])(?:\\.|[^/\\\n])+/[gimsuy]*   # a regular expression of JavaScript
    """,
    re.DOTALL | re.VERBOSE,
)
# What an object of JavaScript, or a value of Go or Rust, may come after.
_BEFORE_VALUE = re.compile(r"([,(=:\[?&|]|\b(return|import|export|const|let|var)|\]\w+|\.\.\.)\s*$")
_GOES_ON = re.compile(r"([,=&|+(.?:<\[]|=>)\s*$")
_CONTINUES = re.compile(r"\s*([{.?&|+:=<>)\]]|else\b)")


@dataclass(slots=True)
class Statement:
    """Represents a statement: its text with single spaces, and what is in braces after it. The first line is 1."""

    line: int
    text: str
    block: "list[Statement] | None" = None


@dataclass(slots=True)
class _Frame:
    statements: list[Statement] = field(default_factory=list)
    text: str = ""
    line: int = 0
    depth: int = 0
    values: int = 0

    def add(self, text: str, line: int) -> None:
        """Adds to the statement that is being read."""
        if not self.text:
            self.line = line
        self.text += text

    def end(self, block: list[Statement] | None = None) -> None:
        """Ends the statement that is being read, if there is one."""
        text = " ".join(self.text.split())[:MAX_STATEMENT]
        if text.strip("),") or block is not None:
            self.statements.append(Statement(self.line, text, block))
        self.text, self.depth = "", 0 if block is None else self.depth


def statements_of(source: str) -> list[Statement]:
    """Returns the statements of a file. Raises NotImported for code that cannot be split."""
    if len(source) > MAX_SOURCE:
        raise NotImported(f"it has more than {MAX_SOURCE:,} characters")
    frames = [_Frame()]
    at, line = 0, 1
    while at < len(source):
        found = _COMMENT.match(source, at) or _STRING.match(source, at)
        if found:
            if not found[0].startswith(("//", "/*")):
                frames[-1].add(found[0], line)
            at, line = found.end(), line + found[0].count("\n")
            continue
        char = source[at]
        if char in "{}":
            _take_brace(frames, char, line)
        else:
            frames[-1].depth += (char in "([") - (char in ")]")
            _take(frames[-1], char, source, at, line)
        line += char == "\n"
        at += 1
    if len(frames) > 1:
        raise NotImported("a brace is not closed", frames[-2].line)
    frames[0].end()
    return frames[0].statements


def _take_brace(frames: list[_Frame], char: str, line: int) -> None:
    """Takes a brace, which belongs to a value or begins or ends a block."""
    frame = frames[-1]
    if char == "{":
        if not _is_body(frame.text) and (frame.depth or frame.values or _BEFORE_VALUE.search(frame.text[-80:])):
            frame.values += 1
            frame.add(char, line)
        elif len(frames) > MAX_DEPTH:
            raise NotImported("its blocks are nested too deeply", line)
        else:
            frames.append(_Frame())
    elif frame.values:
        frame.values -= 1
        frame.add(char, line)
    elif len(frames) == 1:
        raise NotImported("a brace is closed that was not opened", line)
    else:
        frame.end()
        frames.pop()
        frames[-1].line = frames[-1].line if frames[-1].text.strip() else line
        frames[-1].end(frame.statements)


def _is_body(text: str) -> bool:
    """Returns True if a brace after the text opens the body of a function."""
    text = text[-1000:]
    return re.search(r"(\)|=>)\s*$", text) is not None and re.search(r"(\bfunc\b[^{]*|=>\s*)$", text) is not None


def _take(frame: _Frame, char: str, source: str, at: int, line: int) -> None:
    """Takes a character that is no string and no brace."""
    inside = frame.depth > 0 or frame.values
    if char == ";" and not inside:
        frame.end()
    elif char == "\n" and not inside:
        end = frame.text[-80:].rstrip()
        goes_on = _GOES_ON.search(end) is not None or _CONTINUES.match(source, at) is not None
        if not goes_on or (end.endswith(",") and "=>" in frame.text[-1000:]):  # the latter is an arm of Rust's `match`
            frame.end()
        elif frame.text:
            frame.text += " "
    elif not char.isspace():
        frame.add(char, line)
    elif frame.text:
        frame.text += " "
