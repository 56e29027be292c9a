"""Evaluates the performance goals on a run's data. Has no command; page.py imports it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """Represents a goal and the result.

    Attributes:
        met: None if a figure that the goal needs was not measured.
        profiles: the profiles that show what bounds it, each by contestant, workload and connections.
        lever: sentences that say what would help if the goal is missed.
    """

    title: str
    target: str
    reached: str
    met: bool | None
    profiles: Sequence[tuple[str, str, int]] = ()
    lever: str = ""


# What would help a new sandbox that runs Python.
_DENSER_HEAP = (
    "Most of the time goes into pages of Python's memory that a new sandbox touches for the first time. They would be fewer if "
    "the objects that requests use were together in the heap."
)
_MORE_NEW = f"Viceroy keeps five sandboxes that wait, so with more connections most are new. {_DENSER_HEAP}"
_ROUTES_TEXT = (
    "Each route adds some 280 bytes of text and tables, which gzip shrinks to 41. A shorter text of the routes would help."
)
_IMPORTS = (
    "0.2 s are the start of Python and its imports, above all pydantic's models. 0.2 s are for YAML, two thirds of them in "
    "libyaml, 0.2 s for validation, and 0.4 s for lowering and the checks of the Plan. None of them stands out. Models that "
    "are built only if a file uses them would help most."
)


@dataclass(frozen=True)
class Rival:
    """Represents what Fanroute's figure is compared with: the figures of each round, and the factor that is the goal."""

    figures: Sequence[float]
    factor: float = 1


def evaluate_goals(data: Data) -> list[Goal]:
    """Returns all goals, in the order of the page."""
    return [
        _warm_latency(data, "stream", "known when building", 1),
        _warm_latency(data, "stream-python", "decided in Python", 1.8),
        _cold_latency(data, "stream", "known when building", 0.5),
        _cold_latency(data, "stream-python", "decided in Python", 1),
        _request_rate(data, "stream", "known when building"),
        _request_rate(data, "stream-python", "decided in Python"),
        _component_size(data),
        *_many_routes(data),
        *_checks(data),
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


def _warm_latency(data: Data, workload: str, kind: str, factor: float) -> Goal:
    rivals = {"Rust as its kit ships": Rival(figures(data, "rust-shipped", workload, "p50"), factor)}
    rivals |= {kit: Rival(best_figures(data, kit, workload, "p50")) for kit in KITS}
    profiles = [("fanroute", workload, 1), ("rust-shipped", "stream", 1), ("go", "stream", 1)]
    target = f"at most {factor:g} × Rust as its kit ships, and at most Go, JavaScript and Python at their best"
    ours = figures(data, "fanroute", workload, "p50")
    goal = _compare(f"warm p50, GRIP answer {kind}", target, format_ms(ours), ours, rivals)
    return replace(goal, profiles=profiles)


def _cold_latency(data: Data, workload: str, kind: str, factor: float) -> Goal:
    ours = figures(data, "fanroute-fresh", workload, "p50")
    rivals = {"JavaScript as its kit ships": Rival(figures(data, "javascript-shipped", workload, "p50"), factor)}
    profiles = [("fanroute-fresh", workload, 1), ("javascript-shipped", "stream", 1)]
    target = f"at most {factor:g} × JavaScript as its kit ships"
    goal = _compare(f"cold p50, GRIP answer {kind}", target, format_ms(ours), ours, rivals)
    return replace(goal, profiles=profiles, lever=_DENSER_HEAP)


def _request_rate(data: Data, workload: str, kind: str) -> Goal:
    ours = figures(data, "fanroute", workload, "rate", 16)
    rivals = {kit: Rival(best_figures(data, kit, workload, "rate", 16)) for kit in ("Go", "JavaScript")}
    reached = f"{median(ours):,.0f}/s" if ours else ""
    profiles = [("fanroute", workload, 16), ("go", "stream", 16), ("javascript", "stream", 16)]
    title = f"requests/s at 16 connections, GRIP answer {kind}"
    goal = _compare(title, "at least Go and JavaScript at their best", reached, ours, rivals, more_is_better=True)
    return replace(goal, profiles=profiles, lever=_MORE_NEW)


def _component_size(data: Data) -> Goal:
    size = data["contestants"].get("fanroute", {}).get("gzip")
    return Goal("component, gzip", "at most 4.6 MB", *_reached(size, 4.6e6, format_mb))


def _many_routes(data: Data) -> list[Goal]:
    cells = {(cell["routes"], cell["mode"]): cell for cell in data["routes"]}
    few, many = cells.get((10, "reused"), {}), cells.get((10_000, "reused"), {})
    ours, rival = ([one["latency"]["p50"] for one in valid_rounds(cell)] for cell in (many, few))
    build, build_of_few = (median(cell["build"]) if "build" in cell else None for cell in (many, few))
    size = _limit("10,000 routes, component", "1.2 × that of 10", many.get("raw"), few.get("raw"), 1.2, format_mb)
    return [
        _compare("10,000 routes, warm p50", "1.15 × that of 10", format_ms(ours), ours, {"that of 10": Rival(rival, 1.15)}),
        _limit("10,000 routes, build time", "1.5 × that of 10", build, build_of_few, 1.5, format_seconds),
        _limit("10,000 routes, component, gzip", "1.2 × that of 10", many.get("gzip"), few.get("gzip"), 1.2, format_mb),
        replace(size, lever=_ROUTES_TEXT),
    ]


def _checks(data: Data) -> list[Goal]:
    goals = []
    for name, most in (("10,000 routes", 1), ("5,000 routes with patterns", 2)):
        seconds = data["checks"].get(name)
        reached = _reached(median(seconds) if seconds else None, most, format_seconds)
        goals.append(Goal(f"`fanroute check`, {name}", f"at most {most} s", *reached, lever=_IMPORTS))
    return goals


def _memory(data: Data) -> Goal:
    ours, empty = (data["contestants"].get(name, {}).get("heap") for name in ("fanroute-fresh", "empty-python"))
    return _limit("memory", "1.5 × the heap of an empty Python app", ours, empty, 1.5, lambda size: f"{size:.1f} MiB")


def _echo_latency(data: Data) -> Goal:
    ours = figures(data, "fanroute", "echo-65536", "p50")
    rivals = {"Go": Rival(best_figures(data, "Go", "echo-65536", "p50"), 2)}
    return _compare("WebSocket echo of 64 KB, without Pushpin, p50", "2 × Go", format_ms(ours), ours, rivals)


def _compare(
    title: str,
    target: str,
    reached: str,
    ours: Sequence[float],
    rivals: Mapping[str, Rival],
    more_is_better: bool = False,
) -> Goal:
    """Returns a goal that compares our figures with rivals' round by round. It is met if the median of each factor is."""
    factors = {name: ratio(ours, rival.figures) for name, rival in rivals.items() if ours and rival.figures}
    missing = [name for name in rivals if name not in factors]
    results = [reached, *(f"{format_factor(factor)} {name}" for name, factor in factors.items())]
    results += [f"{name} not measured" for name in missing]
    sign = -1 if more_is_better else 1
    met = None if missing else all(sign * factor.median <= sign * rivals[name].factor for name, factor in factors.items())
    return Goal(title, target, "; ".join(filter(None, results)), met)


def _limit(title: str, target: str, ours: float | None, other: float | None, most: float, text: Callable[[float], str]) -> Goal:
    """Returns a goal that is met if our figure is at most `most` times another one."""
    if not ours or not other:
        return Goal(title, target, "not measured", None)
    return Goal(title, target, f"{text(ours)}; {ours / other:.2f} ×", ours <= most * other)


def _reached(ours: float | None, most: float, text: Callable[[float], str]) -> tuple[str, bool | None]:
    """Returns a figure as text, and whether it is at most `most`."""
    return (text(ours), ours <= most) if ours else ("not measured", None)


def format_ms(microseconds: Sequence[float]) -> str:
    """Returns the median in milliseconds, or "" if there are no values."""
    return f"{median(microseconds) / 1000:.3f} ms" if microseconds else ""


def format_mb(size: float) -> str:
    return f"{size / 1e6:.2f} MB"


def format_seconds(seconds: float) -> str:
    return f"{seconds:.2f} s"


def format_factor(factor: Spread) -> str:
    return f"{factor.median:.2f} × ({factor.minimum:.2f}–{factor.maximum:.2f})"
