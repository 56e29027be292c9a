"""The goals, and how far a run's data reaches them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.statistics import Spread, ratio

Data = Mapping[str, Any]

# Whose contestants stand for a kit, each at its best.
PEERS = {"Go": ("go", "go-shipped"), "JavaScript": ("javascript", "javascript-shipped")}
PEERS |= {"Python": ("python", "python-shipped", "flask", "flask-shipped")}


@dataclass(frozen=True)
class Goal:
    """`met` is None where something for it was not measured."""

    what: str
    wanted: str
    reached: str
    met: bool | None


def rounds(data: Data, contestant: str, work: str, figure: str, connections: int = 1) -> list[float]:
    """A figure of a closed loop, "rate" or a percentile's name, each round; none where it was not measured."""
    for cell in data["requests"]:
        if (cell["contestant"], cell["work"], cell["connections"]) == (contestant, work, connections):
            return [one[figure] if figure == "rate" else one["latency"][figure] for one in measured(cell)]
    return []


def measured(cell: Data) -> list[Any]:
    """A cell's rounds, none where one of them failed."""
    return [] if "failed" in cell else cell.get("rounds", [])


def goals(data: Data) -> list[Goal]:
    """All of them, in the order of the page."""
    return [_warm(data), _rate(data), _cold(data), _gzip(data), *_routes(data), _heap(data), _echo(data)]


def best(data: Data, kit: str, work: str, figure: str, connections: int = 1) -> list[float]:
    """The rounds of that one of a kit's contestants whose median is best."""
    choose: Callable[..., list[float]] = max if figure == "rate" else min
    found = [rounds(data, name, work, figure, connections) for name in PEERS[kit]]
    return choose(filter(None, found), key=median, default=[])


def _compared(ours: Sequence[float], others: Mapping[str, Sequence[float]]) -> tuple[dict[str, Spread], list[str]]:
    """Ours to each of the others', and which of them were not measured."""
    ratios = {name: ratio(ours, theirs) for name, theirs in others.items() if ours and theirs}
    return ratios, [name for name in others if name not in ratios]


def _judged(what: str, wanted: str, figure: str, ratios: Mapping[str, Spread], gone: Sequence[str], met: bool) -> Goal:
    """A goal reached by comparing: `figure` is ours."""
    told = [figure, *(f"{times(spread)} {name}" for name, spread in ratios.items()), *(f"{name} not measured" for name in gone)]
    return Goal(what, wanted, "; ".join(filter(None, told)), None if gone or not ratios else met)


def _warm(data: Data) -> Goal:
    ours = rounds(data, "fanroute", "stream", "p50")
    others = {"Rust as its kit ships": rounds(data, "rust-shipped", "stream", "p50")}
    others |= {kit: best(data, kit, "stream", "p50") for kit in PEERS}
    ratios, gone = _compared(ours, others)
    wanted = "at or below Rust as its kit ships, and below Go, JavaScript and Python at their best"
    met = all(one.middle <= 1 for one in ratios.values())
    return _judged("warm p50, GRIP answer, 1 connection", wanted, milliseconds(ours), ratios, gone, met)


def _rate(data: Data) -> Goal:
    ours = rounds(data, "fanroute", "stream", "rate", 16)
    ratios, gone = _compared(ours, {kit: best(data, kit, "stream", "rate", 16) for kit in PEERS})
    met = all(one.middle >= 1.5 for one in ratios.values())
    figure = f"{median(ours):,.0f}/s" if ours else ""
    return _judged("requests/s at 16 connections", "1.5 × the best of Go, JavaScript and Python", figure, ratios, gone, met)


def _cold(data: Data) -> Goal:
    ours = rounds(data, "fanroute-fresh", "stream", "p50")
    kit = {"JavaScript as its kit ships": rounds(data, "javascript-shipped", "stream", "p50")}
    ratios, gone = _compared(ours, kit)
    met = all(one.middle < 1 for one in ratios.values())
    return _judged("cold p50", "below the JavaScript kit's", milliseconds(ours), ratios, gone, met)


def _gzip(data: Data) -> Goal:
    ours, kits = (data["contestants"].get(name, {}).get("gzip") for name in ("fanroute", "javascript-shipped"))
    return _within("component, gzip", "at or below the JavaScript kit's", ours, kits, 1, megabytes)


def _routes(data: Data) -> list[Goal]:
    cells = {(cell["routes"], cell["mode"]): cell for cell in data["routes"]}
    few, many = cells.get((10, "reused"), {}), cells.get((10_000, "reused"), {})
    latencies = [[one["latency"]["p50"] for one in measured(cell)] for cell in (many, few)]
    slower = ratio(*latencies) if all(latencies) else None
    latency = f"{milliseconds(latencies[0])}; {times(slower)}" if slower else "not measured"
    checks = data["checks"].get("10000", [])
    check = median(checks) if checks else None
    builds = [median(cell["build"]) if "build" in cell else None for cell in (many, few)]
    return [
        Goal("10,000 routes, warm p50", "1.15 × that of 10", latency, slower.middle <= 1.15 if slower else None),
        Goal(
            "10,000 routes, `fanroute check`",
            "under 1 s",
            f"{check:.2f} s" if check else "not measured",
            check < 1 if check else None,
        ),
        _within("10,000 routes, build time", "1.5 × that of 10", *builds, 1.5, lambda seconds: f"{seconds:.1f} s"),
        _within("10,000 routes, component, gzip", "1.2 × that of 10", many.get("gzip"), few.get("gzip"), 1.2, megabytes),
        _within("10,000 routes, component", "1.2 × that of 10", many.get("raw"), few.get("raw"), 1.2, megabytes),
    ]


def _heap(data: Data) -> Goal:
    ours, empty = (data["contestants"].get(name, {}).get("heap") for name in ("fanroute-fresh", "empty-python"))
    return _within("memory", "1.5 × the heap of an empty Python app", ours, empty, 1.5, lambda size: f"{size:.1f} MiB")


def _echo(data: Data) -> Goal:
    ours = rounds(data, "fanroute", "echo-65536", "p50")
    ratios, gone = _compared(ours, {"Go": best(data, "Go", "echo-65536", "p50")})
    met = all(one.middle <= 2 for one in ratios.values())
    return _judged("WebSocket echo of 64 KB, asked directly, p50", "2 × Go", milliseconds(ours), ratios, gone, met)


def _within(what: str, wanted: str, ours: float | None, other: float | None, most: float, told: Callable[[float], str]) -> Goal:
    if not ours or not other:
        return Goal(what, wanted, "not measured", None)
    return Goal(what, wanted, f"{told(ours)}; {ours / other:.2f} ×", ours <= most * other)


def milliseconds(values: Sequence[float]) -> str:
    """The median of some µs, "" of none."""
    return f"{median(values) / 1000:.3f} ms" if values else ""


def megabytes(size: float) -> str:
    return f"{size / 1e6:.2f} MB"


def times(one: Spread) -> str:
    return f"{one.middle:.2f} × ({one.least:.2f}–{one.most:.2f})"
