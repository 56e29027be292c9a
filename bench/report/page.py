"""Writes docs/performance.md, its plots and README.md's figures from the data of the last run, without measuring anything.

make bench-page
.venv/bin/python -m bench.report.page
"""

from collections.abc import Mapping
from math import log10
from pathlib import Path
from statistics import median
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bench.report.goals import evaluate_goals, figures, format_factor, valid_rounds
from bench.report.plot import Line, draw_plot
from bench.run_data import Data, read_run
from bench.statistics import ratio, spread

REPOSITORY = Path(__file__).parents[2]
PAGE = "docs/performance.md"
README = "README.md"
PATHS = (PAGE, README, *(f"docs/performance/{name}.svg" for name in ("latency", "connections", "routes")))
# The lines around the figures in README.md.
FIGURES = "<!-- figures from make bench -->\n", "<!-- end of the figures -->\n"
# The columns of README.md's figures: the contestants with reused and with new sandboxes, and the workload.
COLUMNS = {
    "Fanroute": ("fanroute", "fanroute-fresh", "stream"),
    "Fanroute, in Python": ("fanroute", "fanroute-fresh", "stream-python"),
    **{kit: (kit.lower(), f"{kit.lower()}-shipped", "stream") for kit in ("Rust", "Go", "JavaScript", "Python")},
}

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
ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
# How some of Fanroute's contestants differ from the usual ones.
DIFFERENCES = {"fanroute-unflattened": ", not flattened", "fanroute-present": ", present", "fanroute-keys": ", another proxy"}
# How sandboxes are used: as the data has it, and as the page says it.
MODES = {"reused": "reused", "fresh": "one per request"}
# The tables of GRIP answers: a workload, and its title for Fanroute.
ANSWERS = {"stream": "Known when building", "stream-python": "Decided in Python"}
# The rows of the table about Grip-Sig: what is checked, by contestant and workload.
_FASTLYS, _OTHER, _LOCAL = "ES256, Fastly's Fanout", "ES256, another proxy", "HS256, a local edge"
SIGNATURES = {
    ("fanroute-present", "stream-python"): "only that there is one",
    ("fanroute", "stream"): f"{_FASTLYS}; known when building",
    ("fanroute-fresh", "stream"): f"{_FASTLYS}; known when building",
    ("fanroute", "stream-python"): _FASTLYS,
    ("fanroute-fresh", "stream-python"): _FASTLYS,
    ("fanroute-keys", "stream-keys"): _OTHER,
    ("fanroute-keys-fresh", "stream-keys"): _OTHER,
    ("fanroute", "stream-hs256"): _LOCAL,
    ("fanroute-fresh", "stream-hs256"): _LOCAL,
}


def render_pages(data: Data) -> dict[str, str]:
    """Returns the page and the plots for a run's data: texts by their paths in the repository."""
    page: str = ENVIRONMENT.get_template("performance.md.jinja").render(
        data=data,
        goals=evaluate_goals(data),
        modes=MODES,
        answers=[
            (title, [_latency_row(data, name, workload) for name in data["contestants"]]) for workload, title in ANSWERS.items()
        ],
        signatures=[(title, _latency_row(data, *one)) for one, title in SIGNATURES.items()],
        workloads=[(mode, *_workload_table(data, mode)) for mode in MODES],
        open=_open_loop_table(data),
        routes=[_routes_row(cell) for cell in data["routes"]],
        title=lambda name: contestant_title(data, name),
        profile=lambda one: request_profile(data, *one),
        mb=_format_mb,
        median=median,
    )
    plots = (_latency_plot(data), _connections_plot(data), _routes_plot(data))
    return dict(zip(PATHS, (page, _readme(data), *plots), strict=True))


def _readme(data: Data) -> str:
    """Returns README.md with the figures of this run."""
    begin, end = FIGURES
    before, _, rest = (REPOSITORY / README).read_text(encoding="utf-8").partition(begin)
    columns = COLUMNS.values()
    table = ENVIRONMENT.get_template("readme.md.jinja").render(
        columns=list(COLUMNS),
        reused=[_format_ms(figures(data, reused, workload, "p50")) for reused, _, workload in columns],
        fresh=[_format_ms(figures(data, fresh, workload, "p50")) for _, fresh, workload in columns],
        rates=[_format_rate(figures(data, reused, workload, "rate", 16)) for reused, _, workload in columns],
        sizes=[_format_mb(data["contestants"].get(reused, {}).get("gzip")) for reused, _, _ in columns],
    )
    return before + begin + table + end + rest.partition(end)[2]


def contestant_title(data: Data, name: str) -> str:
    """Returns a contestant's title: its kit, and how it differs from others of that kit."""
    difference = DIFFERENCES.get(name.removesuffix("-fresh"), "")
    return f"{data['contestants'][name]['kit']}{difference}"


def request_profile(data: Data, name: str, workload: str, connections: int) -> dict[str, float]:
    """Returns how much CPU time a contestant's GRIP answer takes under perf, or {} if there is no profile.

    `processor` is all of it in µs, and `faults` the number of page faults. The other keys are the shares of the CPU time, in µs.
    """
    for one in data["profile"].get("requests", []):
        if (one["contestant"], one["workload"], one["connections"]) == (name, workload, connections):
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


def _format_ms(microseconds: list[float]) -> str:
    return f"{median(microseconds) / 1000:.3f}" if microseconds else ""


def _format_mb(size: float | None) -> str:
    return f"{size / 1e6:.2f}" if size else ""


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
            table.append((title, [_format_ms(values) or "–" for values in columns]))
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
        if valid_rounds(cell) and cell["workload"] == "stream" and cell["contestant"] != "fanroute-present":
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
