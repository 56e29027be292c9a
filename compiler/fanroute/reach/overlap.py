"""Routes that share requests with a later one, of which neither is for the other's alone: their order decides."""

from collections.abc import Callable, Iterator

from fanroute.reach.box import EVERYTHING, Box, Point, meet, minus
from fanroute.reach.search import Boxes, requests_of, search
from fanroute.work import Work


def overlaps(boxes: Boxes, number: int, differ: Callable[[int, int], bool], work: Work) -> Iterator[tuple[int, Point]]:
    """The earlier routes whose requests a route would get some of, each with such a request.

    Left out are those that do not `differ`, and those that are for a part of the route's requests only. Raises TooMuch.
    """
    own = boxes.boxes[number]
    for earlier in boxes.index.of_box(own, number):
        work.spend()
        if not differ(earlier, number):
            continue
        shared = requests_of(own, boxes.boxes[earlier])
        if not shared or _within(boxes.boxes[earlier], own):
            continue

        def taken(asked: Point, earlier: int = earlier) -> Box | None:
            first = boxes.first(asked, earlier, work)
            return None if first is None else boxes.boxes[first]

        found = search(shared, taken, boxes.named, work)
        if found is not None:
            yield earlier, found


def _within(one: Box, other: Box) -> bool:
    """Whether all requests of one box are in another; those without a path (`OPTIONS *`) do not count."""
    with_path = meet(EVERYTHING[0], one)
    return with_path is None or not any(minus(with_path, other))
