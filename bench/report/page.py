"""Writes docs/performance.md and its plots from the data of the last run, without measuring anything.

make bench-page
.venv/bin/python -m bench.report.page
"""

from collections.abc import Mapping
from math import log10
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report.goals import best_figures, evaluate_goals, figures, format_factor, valid_rounds
from bench.report.plot import Line, draw_plot
from bench.run_data import Data, read_run
from bench.statistics import ratio, spread

REPOSITORY = Path(__file__).parents[2]
PAGE = "docs/performance.md"
PATHS = (PAGE, *(f"docs/performance/{name}.svg" for name in ("latency", "connections", "routes")))

# The colour of a kit's lines.
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
# How sandboxes are used: as the data has it, and as the page says it.
MODES = {"reused": "reused", "fresh": "one per request"}
# The contestants and workloads of the table about Grip-Sig.
SIGNATURES = (
    ("fanroute-present", "stream"),
    ("fanroute", "stream"),
    ("fanroute-fresh", "stream"),
    ("fanroute-es256", "stream-es256"),
    ("fanroute-es256-fresh", "stream-es256"),
)


def render_pages(data: Data) -> dict[str, str]:
    """Returns the page and the plots for a run's data: texts by their paths in the repository."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page: str = environment.get_template("performance.md.jinja").render(
        data=data,
        goals=evaluate_goals(data),
        modes=MODES,
        answers=[_latency_row(data, name, "stream") for name in data["contestants"]],
        signatures=[_latency_row(data, name, workload) for name, workload in SIGNATURES],
        workloads=[(mode, *_workload_table(data, mode)) for mode in MODES],
        open=_open_loop_table(data),
        routes=[_routes_row(cell) for cell in data["routes"]],
        title=lambda name: contestant_title(data, name),
        profile=lambda name, connections: request_profile(data, name, connections),
        best=lambda kit, name, connections: median(best_figures(data, kit, "stream", name, connections) or [0]),
        mb=lambda size: f"{size / 1e6:.2f}" if size else "",
        median=median,
    )
    return dict(zip(PATHS, (page, _latency_plot(data), _connections_plot(data), _routes_plot(data)), strict=True))


def contestant_title(data: Data, name: str) -> str:
    """Returns a contestant's title: its kit, and how it differs from others of that kit."""
    difference = {"fanroute-unflattened": ", not flattened", "fanroute-present": ", present"}.get(name, "")
    return f"{data['contestants'][name]['kit']}{difference}"


def request_profile(data: Data, name: str, connections: int) -> dict[str, float]:
    """Returns how much CPU time a contestant's GRIP answer takes under perf, or {} if there is no profile.

    `processor` is all of it in µs, and `faults` the number of page faults. The other keys are the shares of the CPU time, in µs.
    """
    for one in data["profile"].get("requests", []):
        if (one["contestant"], one["connections"]) == (name, connections):
            shares = {share: one["processor"] * percent / 100 for share, percent in one["shares"].items()}
            return {**shares, "processor": one["processor"], "faults": one["faults"]}
    return {}


def _latency_row(data: Data, name: str, workload: str) -> dict[str, Any]:
    """Returns a row of the latency tables: percentiles on one connection, and rates on one and more."""
    contestant = data["contestants"].get(name, {"mode": "fresh"})
    ours = "fanroute" if contestant["mode"] == "reused" else "fanroute-fresh"
    pairs = [figures(data, one, "stream" if one == ours else workload, "p50") for one in (ours, name)]
    return {
        "name": name,
        "mode": MODES[contestant["mode"]],
        "p50": _format_spread(figures(data, name, workload, "p50")),
        "others": [_format_median(figures(data, name, workload, percentile)) for percentile in ("p90", "p99", "p99.9")],
        "rates": [_format_rate(figures(data, name, workload, "rate", connections)) for connections in (1, 4, 16)],
        "ratio": format_factor(ratio(*pairs)) if all(pairs) and name != ours else "",
    }


def _format_spread(microseconds: list[float]) -> str:
    """Returns the median in ms, with minimum and maximum, or "" if there are no values."""
    if not microseconds:
        return ""
    found = spread(microseconds)
    return f"{found.median / 1000:.3f} ({found.minimum / 1000:.3f}–{found.maximum / 1000:.3f})"


def _format_median(microseconds: list[float]) -> str:
    return f"{median(microseconds) / 1000:.2f}" if microseconds else ""


def _format_rate(rates: list[float]) -> str:
    return f"{median(rates):,.0f}" if rates else ""


def _workload_table(data: Data, mode: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Returns the contestants of a mode that have more than one workload, and for each workload their p50 in ms."""
    names = [name for name, one in data["contestants"].items() if one["mode"] == mode and figures(data, name, "respond", "p50")]
    table = []
    for workload, title in data["workloads"].items():
        columns = [figures(data, name, workload, "p50") for name in names]
        if any(columns):
            table.append((title, [f"{median(values) / 1000:.3f}" if values else "–" for values in columns]))
    return names, table


def _open_loop_table(data: Data) -> list[tuple[str, str, list[str]]]:
    """Returns for each contestant its name, its mode and the percentiles of an open loop in ms."""
    table = []
    for cell in data["open"]:
        if rounds := valid_rounds(cell):
            values = [f"{median([one['latency'][p] for one in rounds]) / 1000:.2f}" for p in ("p50", "p90", "p99", "p99.9")]
            table.append((cell["contestant"], MODES[data["contestants"][cell["contestant"]]["mode"]], values))
    return table


def _routes_row(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "routes": f"{cell['routes']:,}",
        "mode": MODES[cell["mode"]],
        "p50": _format_spread([one["latency"]["p50"] for one in valid_rounds(cell)]),
        "build": f"{median(cell['build']):.1f}" if cell.get("build") else "",
        "raw": cell.get("raw"),
        "gzip": cell.get("gzip"),
    }


def _contestant_line(data: Data, name: str, points: list[tuple[float, float]]) -> Line:
    contestant = data["contestants"][name]
    return Line(
        f"{contestant_title(data, name)}, {MODES[contestant['mode']]}",
        COLOURS[contestant["kit"]],
        dashed=contestant["mode"] == "fresh",
        bold=contestant["kit"] == "Fanroute",
        points=points,
    )


def _latency_plot(data: Data) -> str:
    """Draws the open loop's latency by percentile. Each step on the x axis divides the share of slower answers by ten."""
    ticks = {0.0: "0 %", 1.0: "90 %", 2.0: "99 %", 3.0: "99.9 %"}
    lines = []
    for cell in data["open"]:
        if valid_rounds(cell) and cell["contestant"] not in ("fanroute-present", "fanroute-es256", "fanroute-es256-fresh"):
            curve = {float(percent): value / 1000 for percent, value in cell["curve"].items() if float(percent) <= 99.9}
            points = [(-log10(1 - percent / 100), value) for percent, value in curve.items()]
            lines.append(_contestant_line(data, cell["contestant"], points))
    title = f"GRIP answer, {data['rate']} requests per second"
    return draw_plot(title, "answers that are as fast or faster", "ms", ticks, lines)


def _connections_plot(data: Data) -> str:
    """Draws the rate by the number of connections, of the contestants that were measured on all of them."""
    ticks = {0.0: "1", 2.0: "4", 4.0: "16"}
    lines = []
    for name in data["contestants"]:
        rates = [figures(data, name, "stream", "rate", connections) for connections in (1, 4, 16)]
        if all(rates) and name != "fanroute-present":
            points = [(x, median(rate)) for x, rate in zip(ticks, rates, strict=True)]
            lines.append(_contestant_line(data, name, points))
    return draw_plot("GRIP answer, a closed loop", "connections", "requests/s", ticks, lines)


def _routes_plot(data: Data) -> str:
    """Draws Fanroute's p50 by the number of routes."""
    ticks = {log10(count): f"{count:,}" for count in sorted({cell["routes"] for cell in data["routes"]})}
    lines = []
    for mode, title in MODES.items():
        cells = [cell for cell in data["routes"] if cell["mode"] == mode and valid_rounds(cell)]
        points = [(log10(cell["routes"]), median([one["latency"]["p50"] for one in valid_rounds(cell)]) / 1000) for cell in cells]
        if points:
            lines.append(Line(f"Fanroute, {title}", COLOURS["Fanroute"], mode == "fresh", True, points))
    return draw_plot("p50 by the number of routes", "routes", "ms", ticks, lines)


def write_pages(data: Data) -> None:
    for path, text in render_pages(data).items():
        (REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
        (REPOSITORY / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(read_run())
