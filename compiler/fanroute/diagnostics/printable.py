"""Writes text for terminals and logs: escapes control characters, shows values of a file, and counts things."""

import json
import re
from typing import Any

# Limits how much of a list or mapping messages show, in characters.
MAX_QUOTED = 80
# Finds that a text in a list or mapping needs quotes.
_NOT_PLAIN = re.compile(r"\A\Z|\A[-?:%@`\s!&*|>0-9.~]|[{}\[\],#\"']|:\s|[:\s]\Z|\A(?:true|false|null)\Z")


def printable(text: str, kept: str = "") -> str:
    """Returns the text with each character that is not printable replaced by an escape, except for those in `kept`.

    This covers control characters (including ESC and line ends), bidi controls, which can make a text look like another one,
    other invisible characters, and halves of surrogate pairs.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def printable_json(text: str) -> str:
    """Returns JSON text with the same characters written as JSON escapes. It still stands for the same data."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def in_yaml(value: Any) -> str:
    """Returns a value of a file as YAML has it: `true`, `null`, `[a, b]`, `{a: 1}`. A text alone is without quotes."""
    match value:
        case None | bool():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(in_yaml_item, value))}]"
        case dict():
            return f"{{{', '.join(f'{in_yaml_item(key)}: {in_yaml_item(item)}' for key, item in value.items())}}}"
    return str(value)


def in_yaml_item(value: Any) -> str:
    """Returns a value in a list or mapping, in quotes if it is a text that YAML would read in another way."""
    needs_quotes = isinstance(value, str) and _NOT_PLAIN.search(value)
    return json.dumps(value, ensure_ascii=False) if needs_quotes else in_yaml(value)


def quoted(value: Any) -> str:
    """Returns a value of a file as messages name it: in quotes and on one line. A long list or mapping is shortened.

    A text is never shortened: it can have the value of a variable, which is hidden only if it is whole.
    """
    text = printable(in_yaml(value))
    is_long = not isinstance(value, str) and len(text) > MAX_QUOTED
    return f"'{text[:MAX_QUOTED]}…'" if is_long else f"'{text}'"


def counted(number: int, what: str) -> str:
    """Returns a number of things as text, such as "1 route" or "2 routes"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
