"""Explains a syntax error of YAML: says in plain words what is wrong, and how the line is written correctly.

PyYAML's messages name what its parser expects, such as `<block end>`. The user has made one of a few mistakes: a text without
quotes, a wrong indentation, or a missing bracket, quote, comma or space. So each mistake is tried in turn: if the parser gets
further without it, it is the explanation.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import yaml

from fanroute.diagnostics.diagnostic import Span
from fanroute.diagnostics.printable import counted
from fanroute.syntax.spans import LINE_BREAK, character_at

# PyYAML's parsers, the fastest first, and how many characters all trials together may have for each: both take half a second.
_PARSERS = ([(yaml.CBaseLoader, 4_000_000)] if yaml.__with_libyaml__ else []) + [(yaml.BaseLoader, 200_000)]
# Longer lines are not mended, nor are lines so far above the place at which the parser gives up.
_MAX_LINE, _MAX_ABOVE = 500, 100
# The most mistakes of one line that are mended together.
_MAX_MISTAKES = 4
# Where a text without quotes can begin: after a key, in a list, or as an item. And where one can end.
_BEGINNING = re.compile(r"(?:: +|(?<!: )[\[,] *|^ *- +)(?=[^\s'\",\]}])")
# A key and its value, without a space between them, or with another sign than `:`. A URL is none.
_PAIR = re.compile(r"([A-Za-z_]+)(?::(?!//)| *=>? *)(\S+)")
# What a text has that is not meant as one: a quote, or a bracket and several values.
_SEVERAL = re.compile(r"[\"']|[{\[].*(?:: |, )")
# Where a text in quotes can begin, and a path without quotes that has parameters.
_QUOTED_BEGINNING = re.compile(r"(?:: +|[\[,{] *|^ *- +)(?=[\"'])")
_BARE_PATH = re.compile(r"(?<=[\s\[,])/[^\s,\"'\[\]{}]*(?:\{\w+(?:\.{3})?\}[^\s,\"'\[\]{}]*)+")
_END = re.compile(r"(?= *(?:[,}\]]| #|$))")
_BEFORE_KEY = re.compile(r" *, *\w+: ")
# What follows a `,` that is missing: a key, a quote or a bracket.
_NEXT = re.compile(r"(?<=[^\s,:{\[]) +(?=([\w-]+(?=:(?: |$))|[\"'{\[]))")
# What a character means in YAML, if text that has it is not quoted.
_MEANING = {
    "*": "an alias begins with '*'",
    "&": "an anchor begins with '&'",
    "{": "a mapping begins with '{'",
    "[": "a list begins with '['",
    "#": "a comment begins with '#'",
    ":": "a key ends with ':'",
    "?": "a key can begin with '?'",
}
# Finds, in the line before a lone `*`, the key that it was meant for; a header's or query parameter's key is not captured.
_KEY_BEFORE_STAR = re.compile(r"\b(?:(host|method|path): *\[?(?:[^:\[\]{}]*, *)?|(?:header|query): *\{[^{}]*: *)$")
# What to write in place of that `*`. "" is for a header or query parameter.
_INSTEAD_OF_STAR = dict.fromkeys(("host", "method"), "leave '{0}' out: without it, any {0} matches") | {
    "path": 'write "/*"',
    "": "write {{present: true}} if any value is meant",
}
# PyYAML's words for what it found and expected, and ours.
_WORDS = {
    "<block mapping start>": "a key",
    "<block sequence start>": "'- '",
    "<block end>": "the end of the lines that belong together",
    "<scalar>": "a text",
    "<stream end>": "the end of the file",
    "<document start>": "'---'",
    "the node content": "a value",
    "could not find expected ':'": "a ':' is missing after a key",
    "mapping values are not allowed here": "no key may stand here",
    "found unexpected end of stream": "a quote is not closed",
}


class Explanation(NamedTuple):
    """Says what is wrong with a text, where, and how to write it."""

    message: str
    span: Span
    suggestion: str = ""


class _Trial(NamedTuple):
    """A mistake that a line could have.

    Attributes:
        message: the mistake.
        columns: where it begins and ends in the line, counted from 0.
        line: the line without the mistake.
        suggestion: how to mend it; "" for "write", and the line.
    """

    message: str
    columns: tuple[int, int]
    line: str
    suggestion: str = ""


def explain(error: yaml.MarkedYAMLError, text: str) -> Explanation:
    """Returns what is wrong with a text that PyYAML refuses."""
    mark = error.problem_mark or error.context_mark
    lines = LINE_BREAK.split(text)
    if mark is None:
        return Explanation(_plain(error), Span())
    if tab := re.match(r" *\t", lines[mark.line]):
        return Explanation("a tab in the indentation", _span(mark.line, tab.end() - 1, tab.end()), "indent with spaces")
    return (
        _dash_without_space(error, lines)
        or _lone_star(error, lines)
        or _mistake(error, lines, text)
        or _several_mistakes(text)
        or Explanation(_plain(error), character_at(mark))
    )


def _mistake(error: yaml.MarkedYAMLError, lines: list[str], text: str) -> Explanation | None:
    """Returns the mistake without which the text has no syntax error. Returns None if none is found.

    If there are several mistakes, returns the first one without which the parser gets further, beyond the mistake's line.
    """
    parser, budget, failed = next((*known, fails) for known in _PARSERS if (fails := _fails_at(text, known[0])) is not None)
    first = None
    for number, trial in islice(_trials(error, lines), budget // (len(text) + 1)):
        fails = _fails_at("\n".join([*lines[:number], trial.line, *lines[number + 1 :]]), parser)
        if fails is None or (first is None and fails > max(failed, (number + 1, 0))):
            suggestion = trial.suggestion or f"write {trial.line.strip()}"
            first = Explanation(trial.message, _span(number, *trial.columns), suggestion)
        if fails is None:
            break
    return first


def _several_mistakes(text: str) -> Explanation | None:
    """Returns the first of several mistakes of one line, without which the parser gets beyond it, and the line without all."""
    parser, budget, failed = next((*known, fails) for known in _PARSERS if (fails := _fails_at(text, known[0])) is not None)
    lines, number = LINE_BREAK.split(text), failed[0]
    trials = iter(range(budget // (len(text) + 1)))

    def mended(line: str, column: int, depth: int) -> tuple[_Trial, str] | None:
        """Returns a mistake of the line, and the line without any. `column` is where the parser gives up."""
        for trial, _ in zip(_mistakes(line, column, []), trials, strict=False):
            fails = _fails_at("\n".join([*lines[:number], trial.line, *lines[number + 1 :]]), parser)
            if fails is None or fails[0] > number + 1:
                return trial, trial.line
            if fails[0] == number and fails[1] > column + len(trial.line) - len(line) and depth < _MAX_MISTAKES:
                rest = mended(trial.line, fails[1], depth + 1)
                if rest:
                    return trial, rest[1]
        return None

    if number >= len(lines) or len(lines[number]) > _MAX_LINE:
        return None
    found = mended(lines[number], failed[1], 1)
    return found and Explanation(found[0].message, _span(number, *found[0].columns), f"write {found[1].strip()}")


def _dash_without_space(error: yaml.MarkedYAMLError, lines: list[str]) -> Explanation | None:
    """Explains a key that begins with `-`, which none of the language does. So the parser need not get further without it."""
    for number in sorted(_suspects(error, lines)):
        if re.match(r" *-[A-Za-z_]+:( |$)", lines[number]):
            trial = next(_spaces(lines[number]))
            return Explanation(trial.message, _span(number, *trial.columns), f"write {trial.line.strip()}")
    return None


def _span(number: int, begin: int, end: int) -> Span:
    """Returns the span of a part of a line. All numbers count from 0."""
    return Span(number + 1, begin + 1, number + 1, end + 1)


def _trials(error: yaml.MarkedYAMLError, lines: list[str]) -> Iterator[tuple[int, _Trial]]:
    """Yields the number of a line and a mistake that it could have. Those near the place where the parser gives up come first."""
    mark, suspects = error.problem_mark, _suspects(error, lines)
    for number in suspects:
        yield from ((number, trial) for trial in _spaces(lines[number]))
    for number in suspects:
        column = mark.column if mark is not None and number == mark.line else len(lines[number])
        yield from ((number, trial) for trial in _mistakes(lines[number], column, lines[:number]))


def _suspects(error: yaml.MarkedYAMLError, lines: list[str]) -> list[int]:
    """Returns the numbers of lines that can have the mistake: where the parser gives up, where it began, and those above."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    last = max(mark.line for mark in marks)
    above = range(last - 1, max(-1, last - _MAX_ABOVE), -1)
    numbers = dict.fromkeys([*(mark.line for mark in marks), *above])
    return [number for number in numbers if number < len(lines) and lines[number].strip() and len(lines[number]) <= _MAX_LINE]


def _mistakes(line: str, column: int, above: list[str]) -> Iterator[_Trial]:
    """Yields the mistakes that a line could have. The parser gives up at `column`, and `above` are the lines before this one."""
    yield from _tabs(line)
    yield from _comma(line, column)
    yield from _inner_quotes(line)
    yield from _brackets(line)
    yield from _quotes(line)
    yield from _escapes(line)
    yield from _no_quotes(line, column)
    yield from _paths(line)
    yield from _indentation(line, above)


def _spaces(line: str) -> Iterator[_Trial]:
    """Tries a space after the `-` that begins a line, and after the `:` of its first key."""
    if found := re.match(r" *-(?=[^\s-])", line):
        yield _Trial("a space is missing after '-'", _last(found), f"{found[0]} {line[found.end() :]}")
    if found := re.match(r" *(?:- +)*[A-Za-z_]+:(?=[^\s:])(?!//)", line):
        yield _Trial("a space is missing after ':'", _last(found), f"{found[0]} {line[found.end() :]}")


def _last(found: re.Match[str]) -> tuple[int, int]:
    """Returns where the last character of a match begins and ends."""
    return found.end() - 1, found.end()


def _tabs(line: str) -> Iterator[_Trial]:
    """Tries spaces in place of tabs, and no tab at the end of the line."""
    if (at := line.find("\t")) >= 0:
        mended = line.rstrip("\t ").replace("\t", " ")
        message = "a tab, where only spaces may be" if "\t" in line.rstrip("\t ") else "a tab at the end of the line"
        yield _Trial(message, (at, at + 1), mended)


def _inner_quotes(line: str) -> Iterator[_Trial]:
    """Tries to put a whole value in quotes that has text after its closing quote, or a quote like its own within it."""
    for begin in (found.end() for found in _QUOTED_BEGINNING.finditer(line)):
        sign = line[begin]
        for end in sorted(found.start() for found in _END.finditer(line, begin + 1)):
            text = line[begin + 1 : end]
            if re.search(rf"{sign} *[,:\]}}]|[,:\[{{] *{sign}|{sign} +{sign}", text):
                break  # there are several texts
            if text.endswith(sign) and sign in text[:-1]:
                mended = line[:begin] + quote(text[:-1]) + line[end:]
                yield _Trial(f"the text has a {sign} within it, which ends it", (begin, end), mended)
            elif sign in text and not text.endswith(sign):
                at = begin + 1 + text.rindex(sign)
                mended = line[:begin] + quote(text.replace(sign, "")) + line[end:]
                yield _Trial(f"there is text after the closing {sign}", (at, end), mended)


def _paths(line: str) -> Iterator[_Trial]:
    """Tries to put all paths with parameters in quotes."""
    mended = _BARE_PATH.sub(lambda found: quote(found[0]), line)
    if mended != line and (found := _BARE_PATH.search(line)):
        yield _Trial(_must_be_quoted(found[0], found[0].index("{")), found.span(), mended)


def _comma(line: str, column: int) -> Iterator[_Trial]:
    for found in _NEXT.finditer(line):
        if found.start() <= column:
            mended = f"{line[: found.start()]},{line[found.start() :]}"
            yield _Trial(f"a ',' is missing before '{found[1]}'", found.span(1), mended)


def _indentation(line: str, above: list[str]) -> Iterator[_Trial]:
    """Tries the columns in which a line above, or its first key, begins. The nearest column comes first."""
    indent, text = _indent(line), line.lstrip(" ")
    near = [other for other in above[-_MAX_ABOVE:] if other.strip()]
    columns = {_indent(other) for other in near} | {_indent(other.replace("- ", "  ", 1)) for other in near}
    for other in sorted(columns - {indent}, key=lambda column: abs(column - indent)):
        message = "this line begins in another column than the lines that it belongs to"
        yield _Trial(message, (0, indent), " " * other + text, f"indent it by {counted(other, 'space')}")


def _brackets(line: str) -> Iterator[_Trial]:
    """Tries to close a bracket, and to remove one that is not opened."""
    for opening, closing in ("{}", "[]"):
        unequal = line.count(opening) - line.count(closing)
        begin, end = line.find(opening), line.rfind(closing)
        if unequal > 0:
            mended = (line[:at] + closing + line[at:] for at in _ends(line) if at > begin)
            yield from (_Trial(f"'{opening}' is not closed", (begin, begin + 1), text) for text in mended)
        if unequal < 0:
            yield _Trial(f"'{closing}' is not opened", (end, end + 1), line[:end] + line[end + 1 :])


def _quotes(line: str) -> Iterator[_Trial]:
    """Tries to add the quote that is missing."""
    for sign in "\"'":
        if line.count(sign) % 2 == 0:
            continue
        for end in _ends(line):
            if (at := line.rfind(sign, 0, end)) >= 0:
                yield _Trial(f"'{sign}' is not closed", (at, at + 1), line[:end] + sign + line[end:])
        for begin in _begins(line):
            if (at := line.find(sign, begin)) >= 0:
                yield _Trial(f"'{sign}' is not opened", (at, at + 1), line[:begin] + sign + line[begin:])


def _begins(line: str) -> list[int]:
    """Returns where a text without quotes can begin, the last one first."""
    return [found.end() for found in _BEGINNING.finditer(line)][::-1]


def _ends(line: str) -> list[int]:
    """Returns where a text without quotes can end. An end before a `,` and a key comes first."""
    ends = [found.start() for found in _END.finditer(line)]
    return sorted(ends, key=lambda end: not _BEFORE_KEY.match(line, end))


def _escapes(line: str) -> Iterator[_Trial]:
    for found in re.finditer(r'"((?:[^"\\]|\\.)*)"', line):
        if "\\" in found[1] and "'" not in found[1]:
            mended = f"{line[: found.start()]}'{found[1]}'{line[found.end() :]}"
            yield _Trial("in double quotes, '\\' begins an escape", found.span(), mended)


def _no_quotes(line: str, column: int) -> Iterator[_Trial]:
    """Tries to put a text in quotes. The text that is nearest to `column` comes first."""
    for begin in _begins(line):
        for end in (found.start() for found in _END.finditer(line, begin + 1)):
            text = line[begin:end]
            if begin <= column + 1 and not _SEVERAL.search(text):
                yield _Trial(_must_be_quoted(text, column - begin), (begin, end), line[:begin] + quote(text) + line[end:])


def _must_be_quoted(text: str, parser_at: int) -> str:
    """Says why a text needs quotes. `parser_at` is the index in it at which the parser gave up; it can be outside."""
    sign = text[parser_at] if 0 <= parser_at < len(text) and text[parser_at] in _MEANING else text[0]
    reason = _MEANING.get(sign) or (f"no value can begin with '{sign}'" if sign in "@`%|>!" else "")
    return f"'{text}' must be quoted" + (f": in YAML, {reason}" if reason else "")


def suggest_space(text: str) -> str:
    """Suggests how to write a key and its value that have no space between them, or `=`. Returns "" for any other text."""
    pair = _PAIR.fullmatch(text)
    return f"write '{pair[1]}: {pair[2]}', with a space after ':'" if pair else ""


def quote(text: str) -> str:
    """Returns a text in quotes, as YAML has them."""
    return f'"{text}"' if not set(text) & set('"\\') else "'" + text.replace("'", "''") + "'"


def _fails_at(text: str, parser: Any) -> tuple[int, int] | None:
    """Returns the line and column at which a parser gives up, counted from 0. Returns None if it does not."""
    try:
        for _ in yaml.parse(text, Loader=parser):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return (mark.line, mark.column) if mark else (0, 0)
    except (yaml.YAMLError, ValueError, OverflowError):  # a character or a number that is out of range
        return (0, 0)
    return None


def _lone_star(error: yaml.MarkedYAMLError, lines: list[str]) -> Explanation | None:
    """Explains a `*` that means "any", which the language does not have."""
    mark = error.context_mark
    if error.context != "while scanning an alias" or mark is None:
        return None
    line = lines[mark.line]
    found = _KEY_BEFORE_STAR.search(line[: mark.column]) if re.match(r"\*(?![^\s,\]}])", line[mark.column :]) else None
    if not found:
        return None
    return Explanation("in YAML, an alias begins with '*'", character_at(mark), _INSTEAD_OF_STAR[found[1] or ""].format(found[1]))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _plain(error: yaml.MarkedYAMLError) -> str:
    """Returns PyYAML's message with our words."""
    text = error.problem or "not YAML"
    for theirs, ours in _WORDS.items():
        text = text.replace(f"'{theirs}'", ours).replace(theirs, ours)
    return text
