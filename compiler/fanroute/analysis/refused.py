"""Describes the requests whose paths the edge refuses before it matches them (`paths:`), so that no route gets them."""

import re
from collections.abc import Collection, Iterator, Sequence

from fanroute.analysis.box import LENGTH, Box
from fanroute.analysis.sets import NONE, SEGMENTS, Lengths, Other, Texts
from fanroute_runtime.plan import Parameter, PathFault, PathPattern

# For each fault that a segment's text can have, the texts that have it: a pattern, which is also one of Python's.
_TEXTS: dict[PathFault, str] = {
    "dot_segments": r"\.\.?(;[\s\S]*)?",
    "backslashes": r"[\s\S]*\\[\s\S]*",
    "controls": "[\\s\\S]*[\x00-\x1f\x7f][\\s\\S]*",
    "parameters": r"[\s\S]*;[\s\S]*",
}
_SLASHED = Texts(SEGMENTS, frozenset({Other.SLASHED}), values=NONE)


class Refusals:
    """Describes the requests that have one of some faults in their path."""

    def __init__(self, faults: Collection[PathFault]) -> None:
        self._faults = [fault for fault in _TEXTS if fault in faults]
        self._has_fault = re.compile("|".join(f"(?:{_TEXTS[fault]})" for fault in self._faults) or r"(?!)").fullmatch
        self._empty = "empty_segments" in faults
        self._slashed = "encoded_slashes" in faults

    def may_be(self, path: PathPattern | None) -> bool:
        """Returns False if a quick look shows that the request for a path (`box.point`) is not refused."""
        segments = path.segments if path else ()
        if any(isinstance(segment, Parameter) and segment.pattern for segment in segments):
            return True
        texts = ["x" if isinstance(segment, Parameter) else segment for segment in segments]
        return self.box([*texts, ""] if path and path.rest else texts) is not None

    def box(self, segments: Sequence[str | None]) -> Box | None:
        """Returns a set of refused requests that includes one with these segments, or None if that one is not refused."""
        last = len(segments) - 1
        for index, segment in enumerate(segments):
            if segment is None:
                continue
            if self._empty and not segment and index < last:
                return _empty(index)
            if self._slashed and "/" in segment:
                return {("segment", index): _SLASHED}
            if self._has_fault(segment):
                fault = next(fault for fault in self._faults if re.fullmatch(_TEXTS[fault], segment))
                return {("segment", index): _texts(fault)}
        return None

    def boxes(self, depth: int) -> Iterator[Box]:
        """Yields the sets of refused requests, for each fault in each of the first segments up to a depth."""
        for index in range(depth):
            there: Box = {LENGTH: Lengths(index + 1)}
            yield from ({**there, ("segment", index): _texts(fault)} for fault in self._faults)
            if self._empty:
                yield _empty(index)
            if self._slashed:
                yield {**there, ("segment", index): _SLASHED}


def _texts(fault: PathFault) -> Texts:
    return Texts(SEGMENTS, fits=frozenset({_TEXTS[fault]}))


def _empty(index: int) -> Box:
    """Returns the requests with an empty segment that is not the path's last."""
    return {LENGTH: Lengths(index + 2), ("segment", index): Texts.of(SEGMENTS, ("",))}
