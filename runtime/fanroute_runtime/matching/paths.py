"""Refuses paths that the edge and the next hop may read as two different paths.

Fanout and many servers resolve `..`, take `\\` for `/`, or cut a path at a control character; the edge does none of that. So a
path that one route may have would be served as one that another route guards.
"""

from collections.abc import Callable, Collection
from urllib.parse import unquote_to_bytes

from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import PathFault

_DOTS = (b".", b"..")
_CONTROLS = bytes([*range(0x20), 0x7F])

# Whether a path has a fault: as it came, and percent-decoded once.
_HasFault = Callable[[str, bytes], bool]


def has_dot_segment(decoded: bytes) -> bool:
    """Returns True if a path, or a piece of one, has a segment `.` or `..` after it has been percent-decoded once."""
    # Some servers cut parameters off before they resolve: `..;x` is `..` to them.
    return any(segment.partition(b";")[0] in _DOTS for segment in decoded.split(b"/"))


def _dot_segments(path: str, decoded: bytes) -> bool:
    return b"/." in decoded and has_dot_segment(decoded)


# For each fault: a sign without which a path does not have it, unless it has a `%` or is not printable; the test; and what the
# client is told.
_FAULTS: dict[PathFault, tuple[str, _HasFault, str]] = {
    "dot_segments": ("/.", _dot_segments, "has a segment '.' or '..'"),
    "backslashes": ("\\", lambda path, decoded: b"\\" in decoded, "has a backslash"),
    "controls": (
        "%",
        lambda path, decoded: len(decoded.translate(None, _CONTROLS)) < len(decoded),
        "has a control character",
    ),
    "empty_segments": ("//", lambda path, decoded: "//" in path, "has an empty segment"),
    "encoded_slashes": ("%", lambda path, decoded: "%2f" in path.lower(), "has an encoded slash"),
    "parameters": (";", lambda path, decoded: b";" in decoded, "has a ';'"),
}


class Paths:
    """Checks paths for the faults that a Plan refuses."""

    def __init__(self, faults: Collection[PathFault]) -> None:
        self._tests = [_FAULTS[fault][1:] for fault in faults]
        self._signs = tuple({"%", *(_FAULTS[fault][0] for fault in faults)})

    def check(self, path: str) -> None:
        """Checks a path. Raises Refused (400) if it has one of the faults."""
        # Hardly any path has a sign of one; the rest costs those few only.
        if path.isprintable() and not any(sign in path for sign in self._signs):
            return
        decoded = unquote_to_bytes(path)
        for has, told in self._tests:
            if has(path, decoded):
                raise Refused(400, f"The path {told}.")
