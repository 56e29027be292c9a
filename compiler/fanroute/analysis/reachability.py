"""Of each route: a request that gets it, or which earlier routes take all of its requests."""

from collections.abc import Iterator
from dataclasses import dataclass

from fanroute.analysis.box import METHOD, PATH, WEBSOCKET, Box, Dimension, Point, point
from fanroute.analysis.budget import TooMuch, Work
from fanroute.analysis.search import Boxes, of_kinds, search

# Most work for one route, and for all of them.
MAX_WORK, MAX_WORK_IN_ALL = 200_000, 2_000_000


@dataclass(frozen=True, slots=True)
class Live:
    """The route gets requests of a region, as its `witness`; where it is `alone`, earlier ones have nothing to do with it."""

    region: Box
    boxes: Boxes
    alone: bool = False

    @property
    def witness(self) -> Point:
        return point(next(of_kinds([self.region])), self.boxes.named)


@dataclass(frozen=True, slots=True)
class Dead:
    """No request gets the route: those that its match fits all get one of the routes `covering`, by number.

    Or there are none: what the match asks for in the dimensions `impossible` no request has. PATH is for paths that are refused.
    """

    covering: tuple[int, ...] = ()
    impossible: tuple[Dimension, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """It would take too much to find out."""


Reach = Live | Dead | Unknown


def reached(boxes: Boxes, work: Work) -> Iterator[Reach]:
    """What is known of each route, in order."""
    for number in range(len(boxes.boxes)):
        try:
            yield _reach(boxes, number, Work(MAX_WORK, work))
        except TooMuch:
            work.give_up(MAX_WORK)
            yield Unknown()


def _reach(boxes: Boxes, number: int, work: Work) -> Reach:
    own = boxes.boxes[number]
    impossible = tuple(dimension for dimension, values in own.items() if values.is_empty)
    if impossible:
        return Dead(impossible=impossible)
    alone = boxes.is_alone(number)
    if alone and not boxes.refusals.may_be(boxes.matches[number].path) and (WEBSOCKET not in own or any(of_kinds([own]))):
        return Live(own, boxes, alone)
    covering: set[int] = set()
    refused = False

    def taken(asked: Point) -> Box | None:
        nonlocal refused
        refusal = boxes.refusals.box(asked.segments)
        if refusal is not None:
            refused = True
            return refusal
        first = boxes.first(asked, number, work)
        if first is None:
            return None
        covering.add(first)
        return boxes.boxes[first]

    found = search([own], taken, boxes.named, work)
    if found is None and not covering:
        return Dead(impossible=(PATH if refused else METHOD,))
    return Dead(_needed(boxes, own, sorted(covering), work)) if found is None else Live(found, boxes, alone)


def _needed(boxes: Boxes, own: Box, covering: list[int], work: Work) -> tuple[int, ...]:
    """Some routes that cover a box together, without those that can be spared, as far as that is quickly found."""
    work = Work(MAX_WORK // 10, work)
    needed = covering

    def taken(asked: Point) -> Box | None:
        work.spend(len(others))
        refusal = boxes.refusals.box(asked.segments)
        return refusal or next((boxes.boxes[number] for number in others if boxes.fits(asked, number)), None)

    try:
        for spared in covering:
            others = [number for number in needed if number != spared]
            if search([own], taken, boxes.named, work) is None:
                needed = others
    except TooMuch:
        pass
    return tuple(needed)
