"""Computes which requests the address of a link or redirect can lead to."""

from fanroute.analysis.box import LENGTH, Dimension, ValueSet
from fanroute.analysis.sets import SEGMENTS, Lengths, Texts
from fanroute.plan.routes import rest_name
from fanroute_runtime.matching.predicates import path_segments
from fanroute_runtime.plan import Bound, Match, Template

# Stand in an address for a bound value, and for the bound rest of a path. No address contains them.
BOUND, REST = "\0", "\1"


def address_text(address: Template, match: Match) -> str:
    """Returns the text of an address with BOUND and REST for what the match binds."""
    rest = Bound("path", rest_name(match))
    return "".join(part if isinstance(part, str) else REST if part == rest else BOUND for part in address)


def paths_of(path: str) -> dict[Dimension, ValueSet]:
    """Returns the box of the paths that an address can have. `path` is the path of its `address_text`.

    A segment with a bound value may be any text. From the rest of a path on, any segments may follow.
    """
    segments = path_segments(path)
    size = len(segments)
    found: dict[Dimension, ValueSet] = {LENGTH: Lengths(size) if REST in path else Lengths(size, size)}
    for index, segment in enumerate(segments):
        if segment is not None and REST in segment:
            break
        # A segment with a slash is no value of the dimension. Like one that may be any text, it fits only a final `*`.
        if segment is not None and BOUND not in segment and "/" not in segment:
            found["segment", index] = Texts.of(SEGMENTS, (segment,))
    return found
