"""Refuses paths that the edge and the next hop may read as two different paths.

Fanout and many servers resolve `..`, read `\\` as `/`, or cut a path at a control character. The edge does none of that. Without
this check, a path that one route takes could be served as a path that another route guards.
"""

from collections.abc import Callable, Collection
from urllib.parse import unquote_to_bytes

from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import PathFault

_DOTS = (b".", b"..")
_CONTROLS = bytes([*range(0x20), 0x7F])

# Returns True if a path has a fault. The arguments are the path as it came, and the path percent-decoded once.
_HasFault = Callable[[str, bytes], bool]


def has_dot_segment(decoded: bytes) -> bool:
    """Returns True if a path, or a piece of one, has a segment `.` or `..` after it has been percent-decoded once."""
    # Some servers cut parameters off before they resolve dots: they read `..;x` as `..`.
    return any(segment.partition(b";")[0] in _DOTS for segment in decoded.split(b"/"))


def _dot_segments(path: str, decoded: bytes) -> bool:
    return b"/." in decoded and has_dot_segment(decoded)


# For each fault: a sign, the test, and a description for the client. A path without the sign does not have the fault, unless it
# has a `%` or is not printable.
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

    def check(self, path: str, name: str = "path") -> None:
        """Checks a path. Raises Refused (400) if it has one of the faults. `name` is what the client is told about."""
        # Few paths have a sign of a fault. Only these pay for the tests.
        if path.isprintable() and not any(sign in path for sign in self._signs):
            return
        decoded = unquote_to_bytes(path)
        for has_fault, description in self._tests:
            if has_fault(path, decoded):
                raise Refused(400, f"The {name} {description}.")
