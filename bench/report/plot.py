"""Draws line plots as SVG for light and dark pages, with a logarithmic y axis. Has no command; page.py imports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 940, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 300, 54, 56

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 15px } .small { font-size: 12px }
.grid { stroke: #8c959f; stroke-opacity: .3 }
.line { fill: none; stroke-width: 2 } .bold { stroke-width: 3.5 } .fresh { stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""


@dataclass(frozen=True)
class Line:
    """Represents a line of a plot. `points` are (x, y) from left to right."""

    title: str
    colour: str
    dashed: bool
    bold: bool
    points: Sequence[tuple[float, float]]


def draw_plot(title: str, x_title: str, y_title: str, x_ticks: Mapping[float, str], lines: Sequence[Line]) -> str:
    """Returns a plot as SVG. `x_ticks` are labels by their x; the first and the last one are the ends of the axis."""
    ends = min(x_ticks), max(x_ticks)
    values = [y for line in lines for _, y in line.points]
    low, high = (floor(log10(min(values))), ceil(log10(max(values)))) if values else (0, 1)

    def x_of(value: float) -> float:
        return round(LEFT + (value - ends[0]) / (ends[1] - ends[0] or 1) * (WIDTH - LEFT - RIGHT), 1)

    def y_of(value: float) -> float:
        return round(HEIGHT - BOTTOM - (log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    elements = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>',
        f'<text class="small" x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_title)}</text>',
        f'<text class="small" x="{LEFT}" y="{TOP - 10}">{escape(y_title)}</text>',
    ]
    for value, label in x_ticks.items():
        x = x_of(value)
        elements.append(f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}"/>')
        elements.append(f'<text class="small" x="{x}" y="{bottom + 18}" text-anchor="middle">{escape(label)}</text>')
    for power in range(low, high + 1):
        y = y_of(10**power)
        elements.append(f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>')
        elements.append(f'<text class="small" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10**power:g}</text>')
    # The legend has the order in which the lines end, from the top down.
    for number, line in enumerate(sorted(lines, key=lambda line: -line.points[-1][1])):
        classes = " ".join(["line", *["fresh"] * line.dashed, *["bold"] * line.bold])
        style = f'class="{classes}" stroke="{line.colour}"'
        path = " ".join(f"{x_of(x)},{y_of(y)}" for x, y in line.points)
        elements.append(f'<polyline {style} points="{path}"/>')
        y = TOP + 12 + 22 * number
        elements.append(f'<line {style} x1="{right + 16}" y1="{y - 4}" x2="{right + 42}" y2="{y - 4}"/>')
        elements.append(f'<text class="small" x="{right + 50}" y="{y}">{escape(line.title)}</text>')
    return "\n".join([*elements, "</svg>"]) + "\n"
