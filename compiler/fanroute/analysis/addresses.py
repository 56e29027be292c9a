"""Computes which requests the address of a link or redirect can lead to."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from fanroute.analysis.box import LENGTH, Dimension, ValueSet
from fanroute.analysis.sets import SEGMENTS, Lengths, Texts
from fanroute.plan.routes import rest_name
from fanroute_runtime.matching.predicates import path_segments
from fanroute_runtime.plan import Bound, Match, Parameter, Template

# Stand in an address for a bound value, and for the bound rest of a path. No address contains them.
BOUND, REST = "\0", "\1"


def address_text(address: Template, match: Match) -> str:
    """Returns the text of an address with BOUND and REST for what the match binds."""
    rest = Bound("path", rest_name(match))
    return "".join(part if isinstance(part, str) else REST if part == rest else BOUND for part in address)


def bound_segments(address: Template, match: Match) -> Iterator[tuple[int, int]]:
    """Yields the index of each segment of an address that is a segment of the request, with the index of that one."""
    known = match.path.segments if match.path else ()
    places = {f"{BOUND}{each.name}{BOUND}": index for index, each in enumerate(known) if isinstance(each, Parameter)}
    marked = (
        part if isinstance(part, str) else f"{BOUND}{part.name}{BOUND}" if part.source == "path" else REST for part in address
    )
    for index, segment in enumerate(urlsplit("".join(marked)).path.split("/")[1:]):
        if segment in places:
            yield index, places[segment]
        if rest_name(match) and f"{BOUND}{rest_name(match)}{BOUND}" in segment:
            return


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
