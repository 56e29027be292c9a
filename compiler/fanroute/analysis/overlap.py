"""Finds pairs of routes that overlap without one containing the other. For such a pair, the order in the file decides."""

from collections.abc import Callable, Iterator

from fanroute.analysis.box import Box, Point, intersect, is_empty, sample_point, subtract
from fanroute.analysis.budget import Budget
from fanroute.analysis.search import Boxes, find_untaken


def find_overlaps(boxes: Boxes, number: int, differ: Callable[[int, int], bool], budget: Budget) -> Iterator[tuple[int, Point]]:
    """Yields the earlier routes that take requests which a route would get without them, each with such a request.

    Leaves out routes that do not `differ` from it, and routes for only a part of its requests. Raises BudgetExceeded.
    """
    own = boxes.boxes[number]
    if not own or is_empty(own):  # a route for any request, or for none
        return
    for earlier in boxes.index.of_box(own, number, budget):
        budget.spend()
        if not differ(earlier, number):
            continue
        shared = intersect(own, boxes.boxes[earlier])
        if shared is None or not any(subtract(boxes.boxes[earlier], own)):
            continue

        def taken(point: Point, earlier: int = earlier) -> Box | None:
            return boxes.taken_box(point, earlier, budget)

        found = find_untaken([shared], taken, boxes.named, budget)
        if found is not None:
            yield earlier, sample_point(found, boxes.named)
