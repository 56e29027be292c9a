"""Writes text for terminals and logs: escapes control characters, and counts things."""

import json


def printable(text: str, kept: str = "") -> str:
    """Returns the text with each character that is not printable replaced by an escape, except for those in `kept`.

    This covers control characters (including ESC and line ends), bidi controls, which can make a text look like another one,
    other invisible characters, and halves of surrogate pairs.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def printable_json(text: str) -> str:
    """Returns JSON text with the same characters written as JSON escapes. It still stands for the same data."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def counted(number: int, what: str) -> str:
    """Returns a number of things as text, such as "1 route" or "2 routes"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
