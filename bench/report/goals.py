"""Evaluates the performance goals on a run's data. Has no command; page.py imports it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.run_data import Data
from bench.statistics import Spread, ratio

# The contestants of each kit. The one with the best median stands for the kit.
KITS = {
    "Go": ("go", "go-shipped"),
    "JavaScript": ("javascript", "javascript-shipped"),
    "Python": ("python", "python-shipped", "flask", "flask-shipped"),
}


@dataclass(frozen=True)
class Goal:
    """Represents a goal and the result. `met` is None if a figure that it needs was not measured."""

    title: str
    target: str
    reached: str
    met: bool | None


def evaluate_goals(data: Data) -> list[Goal]:
    """Returns all goals, in the order of the page."""
    return [
        _warm_latency(data),
        _request_rate(data),
        _cold_latency(data),
        _component_size(data),
        *_many_routes(data),
        _memory(data),
        _echo_latency(data),
    ]


def figures(data: Data, contestant: str, workload: str, name: str, connections: int = 1) -> list[float]:
    """Returns a figure of a closed loop for each round: its "rate", or a percentile by its name. Empty if it was not measured."""
    for cell in data["requests"]:
        if (cell["contestant"], cell["workload"], cell["connections"]) == (contestant, workload, connections):
            return [one[name] if name == "rate" else one["latency"][name] for one in valid_rounds(cell)]
    return []


def valid_rounds(cell: Data) -> list[Any]:
    """Returns the rounds of a cell, or none if one of them failed."""
    return [] if "failed" in cell else cell.get("rounds", [])


def best_figures(data: Data, kit: str, workload: str, name: str, connections: int = 1) -> list[float]:
    """Returns a figure for each round, of the kit's contestant that has the best median."""
    choose: Callable[..., list[float]] = max if name == "rate" else min
    found = [figures(data, contestant, workload, name, connections) for contestant in KITS[kit]]
    return choose(filter(None, found), key=median, default=[])


def _warm_latency(data: Data) -> Goal:
    ours = figures(data, "fanroute", "stream", "p50")
    others = {"Rust as its kit ships": figures(data, "rust-shipped", "stream", "p50")}
    others |= {kit: best_figures(data, kit, "stream", "p50") for kit in KITS}
    target = "at or below Rust as its kit ships, and below Go, JavaScript and Python at their best"
    return _compare("warm p50, GRIP answer, 1 connection", target, format_ms(ours), ours, others, lambda factor: factor <= 1)


def _request_rate(data: Data) -> Goal:
    ours = figures(data, "fanroute", "stream", "rate", 16)
    others = {kit: best_figures(data, kit, "stream", "rate", 16) for kit in KITS}
    reached = f"{median(ours):,.0f}/s" if ours else ""
    target = "1.5 × the best of Go, JavaScript and Python"
    return _compare("requests/s at 16 connections", target, reached, ours, others, lambda factor: factor >= 1.5)


def _cold_latency(data: Data) -> Goal:
    ours = figures(data, "fanroute-fresh", "stream", "p50")
    others = {"JavaScript as its kit ships": figures(data, "javascript-shipped", "stream", "p50")}
    return _compare("cold p50", "below the JavaScript kit's", format_ms(ours), ours, others, lambda factor: factor < 1)


def _component_size(data: Data) -> Goal:
    ours, kits = (data["contestants"].get(name, {}).get("gzip") for name in ("fanroute", "javascript-shipped"))
    return _limit("component, gzip", "at or below the JavaScript kit's", ours, kits, 1, format_mb)


def _many_routes(data: Data) -> list[Goal]:
    cells = {(cell["routes"], cell["mode"]): cell for cell in data["routes"]}
    few, many = cells.get((10, "reused"), {}), cells.get((10_000, "reused"), {})
    latencies = [[one["latency"]["p50"] for one in valid_rounds(cell)] for cell in (many, few)]
    slower = ratio(*latencies) if all(latencies) else None
    latency = f"{format_ms(latencies[0])}; {format_factor(slower)}" if slower else "not measured"
    checks = data["checks"].get("10000", [])
    check = median(checks) if checks else None
    build, build_of_few = (median(cell["build"]) if "build" in cell else None for cell in (many, few))
    return [
        Goal("10,000 routes, warm p50", "1.15 × that of 10", latency, slower.median <= 1.15 if slower else None),
        Goal(
            "10,000 routes, `fanroute check`",
            "under 1 s",
            f"{check:.2f} s" if check else "not measured",
            check < 1 if check else None,
        ),
        _limit("10,000 routes, build time", "1.5 × that of 10", build, build_of_few, 1.5, lambda seconds: f"{seconds:.1f} s"),
        _limit("10,000 routes, component, gzip", "1.2 × that of 10", many.get("gzip"), few.get("gzip"), 1.2, format_mb),
        _limit("10,000 routes, component", "1.2 × that of 10", many.get("raw"), few.get("raw"), 1.2, format_mb),
    ]


def _memory(data: Data) -> Goal:
    ours, empty = (data["contestants"].get(name, {}).get("heap") for name in ("fanroute-fresh", "empty-python"))
    return _limit("memory", "1.5 × the heap of an empty Python app", ours, empty, 1.5, lambda size: f"{size:.1f} MiB")


def _echo_latency(data: Data) -> Goal:
    ours = figures(data, "fanroute", "echo-65536", "p50")
    others = {"Go": best_figures(data, "Go", "echo-65536", "p50")}
    title = "WebSocket echo of 64 KB, without Pushpin, p50"
    return _compare(title, "2 × Go", format_ms(ours), ours, others, lambda factor: factor <= 2)


def _compare(
    title: str,
    target: str,
    reached: str,
    ours: Sequence[float],
    others: Mapping[str, Sequence[float]],
    accepts: Callable[[float], bool],
) -> Goal:
    """Returns a goal that compares our figures with others' round by round. It is met if `accepts` takes each median factor."""
    factors = {name: ratio(ours, theirs) for name, theirs in others.items() if ours and theirs}
    missing = [name for name in others if name not in factors]
    results = [reached, *(f"{format_factor(factor)} {name}" for name, factor in factors.items())]
    results += [f"{name} not measured" for name in missing]
    met = all(accepts(factor.median) for factor in factors.values()) if factors and not missing else None
    return Goal(title, target, "; ".join(filter(None, results)), met)


def _limit(title: str, target: str, ours: float | None, other: float | None, most: float, text: Callable[[float], str]) -> Goal:
    """Returns a goal that is met if our figure is at most `most` times another one."""
    if not ours or not other:
        return Goal(title, target, "not measured", None)
    return Goal(title, target, f"{text(ours)}; {ours / other:.2f} ×", ours <= most * other)


def format_ms(microseconds: Sequence[float]) -> str:
    """Returns the median in milliseconds, or "" if there are no values."""
    return f"{median(microseconds) / 1000:.3f} ms" if microseconds else ""


def format_mb(size: float) -> str:
    return f"{size / 1e6:.2f} MB"


def format_factor(factor: Spread) -> str:
    return f"{factor.median:.2f} × ({factor.minimum:.2f}–{factor.maximum:.2f})"
