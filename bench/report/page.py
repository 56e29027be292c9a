"""The page that a run's data makes: docs/performance.md, and its plots in docs/performance/.

.venv/bin/python -m bench.report.page     writes them anew from bench/results/run.json
"""

import json
from collections.abc import Mapping
from math import log10
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report.goals import Data, best, goals, measured, rounds, times
from bench.report.plot import Line, plot
from bench.statistics import ratio, spread

REPOSITORY = Path(__file__).parents[2]
RESULTS = REPOSITORY / "bench" / "results" / "run.json"
PAGE = "docs/performance.md"
PATHS = (PAGE, *(f"docs/performance/{name}.svg" for name in ("latency", "connections", "routes")))

# Of a kit: how its lines are drawn.
COLOURS = {
    "empty module": "#8c959f",
    "Rust": "#d1570d",
    "Go": "#0aa2c0",
    "JavaScript": "#b58900",
    "Python": "#3f7ad8",
    "Flask": "#2e9d5b",
    "Fanroute": "#d6336c",
    "empty Python app": "#7a6fb0",
}
# Sandboxes, as the results and as a reader call them.
MODES = {"reused": "reused", "fresh": "one a request"}


def pages(data: Data) -> dict[str, str]:
    """All that is made of a run's data: texts by where they are in the repository."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("performance.md.jinja").render(
        data=data,
        goals=goals(data),
        modes=MODES,
        answers=[answer(data, name, "stream") for name in data["contestants"]],
        signatures=[answer(data, name, work) for name, work in SIGNATURES],
        works=[(mode, *_works(data, mode)) for mode in MODES],
        open=_open(data),
        routes=[_route(cell) for cell in data["routes"]],
        title=lambda name: title(data, name),
        profiled=lambda name, connections: profiled(data, name, connections),
        best=lambda kit, figure, connections: median(best(data, kit, "stream", figure, connections) or [0]),
        ms=ms,
        mb=lambda size: f"{size / 1e6:.2f}" if size else "",
        median=median,
    )
    return dict(zip(PATHS, (page, _latency(data), _connections(data), _routes(data)), strict=True))


# Fanroute's contestants by how they check a Grip-Sig.
SIGNATURES = (
    ("fanroute-present", "stream"),
    ("fanroute", "stream"),
    ("fanroute-fresh", "stream"),
    ("fanroute-es256", "stream-es256"),
    ("fanroute-es256-fresh", "stream-es256"),
)


def title(data: Data, name: str) -> str:
    """What a contestant is called: its kit, and what tells it from others of that kit."""
    told = data["contestants"][name]
    aside = {"fanroute-unflattened": ", not flattened", "fanroute-present": ", present"}.get(name, "")
    return told["kit"] + aside


def profiled(data: Data, name: str, connections: int) -> dict[str, float]:
    """Of a contestant's GRIP answer under perf: processor time in µs, also what each share is of it, and how many page faults.

    Empty where there is no profile.
    """
    for told in data["profile"].get("requests", []):
        if (told["contestant"], told["connections"]) == (name, connections):
            shares = {share: told["processor"] * percent / 100 for share, percent in told["shares"].items()}
            return {**shares, "processor": told["processor"], "faults": told["faults"]}
    return {}


def ms(values: list[float]) -> str:
    """The median of some µs, in ms, and the least and the most."""
    if not values:
        return ""
    seen = spread(values)
    return f"{seen.middle / 1000:.3f} ({seen.least / 1000:.3f}–{seen.most / 1000:.3f})"


def answer(data: Data, name: str, work: str) -> dict[str, Any]:
    """A row: what one contestant took for a work on one connection, and answered a second on more."""
    told = data["contestants"].get(name, {"kit": name, "mode": "fresh", "what": ""})
    ours = "fanroute" if told["mode"] == "reused" else "fanroute-fresh"
    pairs = [rounds(data, one, "stream" if one == ours else work, "p50") for one in (ours, name)]
    return {
        "name": name,
        "what": told["what"],
        "mode": MODES[told["mode"]],
        "p50": ms(rounds(data, name, work, "p50")),
        "others": [_middle(rounds(data, name, work, figure)) for figure in ("p90", "p99", "p99.9")],
        "rates": [_rate(rounds(data, name, work, "rate", connections)) for connections in (1, 4, 16)],
        "ratio": times(ratio(*pairs)) if all(pairs) and name != ours else "",
    }


def _middle(values: list[float]) -> str:
    return f"{median(values) / 1000:.2f}" if values else ""


def _rate(values: list[float]) -> str:
    return f"{median(values):,.0f}" if values else ""


def _works(data: Data, mode: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Of each work the p50 in ms, by the contestants of a mode that are asked for more than one."""
    names = [name for name, told in data["contestants"].items() if told["mode"] == mode and rounds(data, name, "respond", "p50")]
    table = []
    for work, called in data["works"].items():
        values = [rounds(data, name, work, "p50") for name in names]
        if any(values):
            table.append((called, [f"{median(seen) / 1000:.3f}" if seen else "–" for seen in values]))
    return names, table


def _open(data: Data) -> list[tuple[str, str, list[str]]]:
    """Of each contestant what an open loop saw, in ms."""
    told = []
    for cell in data["open"]:
        if found := measured(cell):
            values = [f"{median([one['latency'][p] for one in found]) / 1000:.2f}" for p in ("p50", "p90", "p99", "p99.9")]
            told.append((cell["contestant"], MODES[data["contestants"][cell["contestant"]]["mode"]], values))
    return told


def _route(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "routes": f"{cell['routes']:,}",
        "mode": MODES[cell["mode"]],
        "p50": ms([one["latency"]["p50"] for one in measured(cell)]),
        "build": f"{median(cell['build']):.1f}" if cell.get("build") else "",
        "raw": cell.get("raw"),
        "gzip": cell.get("gzip"),
    }


def _line(data: Data, name: str, points: list[tuple[float, float]]) -> Line:
    told = data["contestants"][name]
    return Line(
        f"{title(data, name)}, {MODES[told['mode']]}",
        COLOURS[told["kit"]],
        told["mode"] == "fresh",
        told["kit"] == "Fanroute",
        points,
    )


def _latency(data: Data) -> str:
    """Percent as a logarithm of what is left above."""
    ticks = {0.0: "0 %", 1.0: "90 %", 2.0: "99 %", 3.0: "99.9 %"}
    lines = []
    for cell in data["open"]:
        if measured(cell) and cell["contestant"] not in ("fanroute-present", "fanroute-es256", "fanroute-es256-fresh"):
            shares = {float(percent): value / 1000 for percent, value in cell["curve"].items() if float(percent) <= 99.9}
            lines.append(_line(data, cell["contestant"], [(-log10(1 - share / 100), value) for share, value in shares.items()]))
    return plot(f"GRIP answer, {data['rate']} requests a second", "answers that are as fast or faster", "ms", ticks, lines)


def _connections(data: Data) -> str:
    ticks = {0.0: "1", 2.0: "4", 4.0: "16"}
    lines = []
    for name in data["contestants"]:
        rates = [rounds(data, name, "stream", "rate", connections) for connections in (1, 4, 16)]
        if all(rates) and name != "fanroute-present":
            lines.append(_line(data, name, [(x, median(rate)) for x, rate in zip(ticks, rates, strict=True)]))
    return plot("GRIP answer, a closed loop", "connections", "requests/s", ticks, lines)


def _routes(data: Data) -> str:
    ticks = {log10(count): f"{count:,}" for count in sorted({cell["routes"] for cell in data["routes"]})}
    lines = []
    for mode, called in MODES.items():
        cells = [cell for cell in data["routes"] if cell["mode"] == mode and measured(cell)]
        points = [(log10(cell["routes"]), median([one["latency"]["p50"] for one in measured(cell)]) / 1000) for cell in cells]
        if points:
            lines.append(Line(f"Fanroute, {called}", COLOURS["Fanroute"], mode == "fresh", True, points))
    return plot("p50 by the number of routes", "routes", "ms", ticks, lines)


def write(data: Data) -> None:
    for path, text in pages(data).items():
        (REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
        (REPOSITORY / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text(encoding="utf-8")))
