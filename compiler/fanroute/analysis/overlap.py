"""Routes that share requests with a later one, of which neither is for the other's alone: their order decides."""

from collections.abc import Callable, Iterator

from fanroute.analysis.box import Box, Point, meet, minus, point
from fanroute.analysis.budget import Work
from fanroute.analysis.search import Boxes, search


def overlaps(boxes: Boxes, number: int, differ: Callable[[int, int], bool], work: Work) -> Iterator[tuple[int, Point]]:
    """The earlier routes whose requests a route would get some of, each with such a request.

    Left out are those that do not `differ`, and those that are for a part of the route's requests only. Raises TooMuch.
    """
    own = boxes.boxes[number]
    if not own or any(values.is_empty for values in own.values()):  # a route for any request, or for none
        return
    for earlier in boxes.index.of_box(own, number):
        work.spend()
        if not differ(earlier, number):
            continue
        shared = meet(own, boxes.boxes[earlier])
        if shared is None or not any(minus(boxes.boxes[earlier], own)):
            continue

        def taken(asked: Point, earlier: int = earlier) -> Box | None:
            return boxes.taking(asked, earlier, work)

        found = search([shared], taken, boxes.named, work)
        if found is not None:
            yield earlier, point(found, boxes.named)
