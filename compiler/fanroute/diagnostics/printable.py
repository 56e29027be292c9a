"""Escapes control characters in text for terminals and logs."""

import json


def printable(text: str, kept: str = "") -> str:
    """Returns a text with escapes in place of the characters that are not printable, except for those in `kept`.

    These are control characters (among them ESC and line ends), bidi controls, which can make a text look like another one, other
    invisible characters, and halves of surrogate pairs.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def printable_json(text: str) -> str:
    """Returns JSON text with such characters written as JSON writes them: it stays the same data."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
