"""Finds the requests that no route gets, because the edge refuses their paths before it matches them (`paths:`)."""

import re
from collections.abc import Collection, Iterator, Sequence

from fanroute.analysis.box import LENGTH, Box
from fanroute.analysis.outline import is_plain
from fanroute.analysis.sets import NONE, SEGMENTS, Lengths, NonText, Texts
from fanroute_runtime.plan import Parameter, PathFault, PathPattern

# For each fault in the text of a segment, the pattern of the texts that have it. Python's `re` reads it the same way.
TEXTS: dict[PathFault, str] = {
    "dot_segments": r"\.\.?(;[\s\S]*)?",
    "backslashes": r"[\s\S]*\\[\s\S]*",
    "controls": "[\\s\\S]*[\x00-\x1f\x7f][\\s\\S]*",
    "parameters": r"[\s\S]*;[\s\S]*",
}
_SLASHED = Texts(SEGMENTS, frozenset({NonText.SLASHED}), values=NONE)


class Refusals:
    """Represents the requests whose path has one of these faults."""

    def __init__(self, faults: Collection[PathFault]) -> None:
        self._faults = [fault for fault in TEXTS if fault in faults]
        self._has_fault = re.compile("|".join(f"(?:{TEXTS[fault]})" for fault in self._faults) or r"(?!)").fullmatch
        self._empty = "empty_segments" in faults
        self._slashed = "encoded_slashes" in faults

    def may_refuse(self, path: PathPattern | None) -> bool:
        """Returns False if it is clear that the sample request for a path (`box.sample_point`) is not refused."""
        segments = path.segments if path else ()
        if path and path.bound_rest:
            segments = (*segments, path.bound_rest)
        if any(isinstance(segment, Parameter) and segment.pattern and not is_plain(segment.pattern) for segment in segments):
            return True
        texts = ["x" if isinstance(segment, Parameter) else segment for segment in segments]
        return self.box([*texts, ""] if path and path.rest and not path.bound_rest else texts) is not None

    def box(self, segments: Sequence[str | None]) -> Box | None:
        """Returns a box of refused requests that includes the one with these segments, or None if that one is not refused."""
        last = len(segments) - 1
        for index, segment in enumerate(segments):
            if segment is None:
                continue
            if self._empty and not segment and index < last:
                return _empty(index)
            if self._slashed and "/" in segment:
                return {LENGTH: Lengths(index + 1), ("segment", index): _SLASHED}
            if self._has_fault(segment):
                fault = next(fault for fault in self._faults if re.fullmatch(TEXTS[fault], segment))
                return {LENGTH: Lengths(index + 1), ("segment", index): _texts(fault)}
        return None

    def boxes(self, depth: int) -> Iterator[Box]:
        """Yields boxes of refused requests, one for each fault in each of the first `depth` segments."""
        for index in range(depth):
            long_enough: Box = {LENGTH: Lengths(index + 1)}
            yield from ({**long_enough, ("segment", index): _texts(fault)} for fault in self._faults)
            if self._empty:
                yield _empty(index)
            if self._slashed:
                yield {**long_enough, ("segment", index): _SLASHED}


def _texts(fault: PathFault) -> Texts:
    return Texts(SEGMENTS, patterns=frozenset({TEXTS[fault]}))


def _empty(index: int) -> Box:
    """Returns the box of the requests with an empty segment at an index, and at least one segment after it."""
    return {LENGTH: Lengths(index + 2), ("segment", index): Texts.of(SEGMENTS, ("",))}
