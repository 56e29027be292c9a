"""Tests that large and hostile files are checked within limits of time and memory, each in a process of its own."""

import subprocess
import sys
from collections.abc import Callable

import pytest

# The limits: processor time in seconds, and memory in bytes.
SECONDS, BYTES = 30, 1 << 30
CHILD = f"""
import resource, sys
from fanroute.diagnostics import json_report, text_report
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import compile_routes
from fanroute.spec.inputs import Inputs
resource.setrlimit(resource.RLIMIT_AS, ({BYTES}, {BYTES}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
raw = sys.stdin.buffer.read()
try:
    diagnostics = compile_routes(raw, Inputs()).diagnostics
except Invalid as invalid:
    diagnostics = invalid.diagnostics
print(len(text_report.render(diagnostics, "routes.yaml", raw.decode())))
print(len(json_report.make_report(diagnostics, "routes.yaml").model_dump_json()))
print(len(text_report.render_github(diagnostics, "routes.yaml")))
"""

START = "version: 1\nservice: {name: a}\nbackends: {origin: {url: 'https://a.example.com'}}\nroutes:\n"


def lines(count: int, line: str) -> str:
    """Repeats a line, with its number in place of `N`."""
    return "".join(line.replace("N", str(number)) + "\n" for number in range(count))


def routes(count: int, route: str) -> str:
    return START + lines(count, f"  - {{{route}}}")


def aliases() -> str:
    return "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))


def path(segments: str) -> str:
    return routes(1, f'match: {{path: "{segments}"}}, handoff: origin')


FILES: dict[str, Callable[[], str]] = {
    "aliases to the billion": aliases,
    "merge keys": lambda: "a: &a {b: c}\n" + lines(10_000, "dN: {<<: *a}"),
    "a scalar": lambda: f"a: {'x' * 10_000_000}\n",
    "a quoted scalar": lambda: 'a: "' + r"x\n" * 500_000 + '"\n',
    "a block scalar": lambda: "a: |\n" + lines(100_000, "  x"),
    "a key": lambda: f"{'x' * 2_000_000}: a\n",
    "a comment": lambda: "#" * 1_000_000,
    "many items on a line": lambda: f"a: [{'x, ' * 100_000}]\n",
    "a quote that does not end": lambda: 'a: "' + lines(100_000, "x y"),
    "a number": lambda: f"version: {'9' * 1_000_000}\n",
    "many documents": lambda: "---\na: b\n" * 5_000,
    "many tags": lambda: "a:\n" + lines(5_000, "  - !t x"),
    "one key many times": lambda: lines(5_000, "a: b"),
    "unknown keys": lambda: lines(5_000, "keyN: b"),
    "empty lines": lambda: "\n" * 200_000,
    "tabs": lambda: "\t" * 100_000,
    "unknown backends": lambda: routes(2_000, "handoff: originN"),
    "unknown backends beside many": lambda: (
        START.replace("origin:", "".join(f"b{number}: {{loopback: true}}, " for number in range(3_000)) + "origin:")
        + lines(3_000, "  - handoff: cN")
    ),
    "names that stand twice": lambda: routes(2_000, "name: a, handoff: origin"),
    "the same route": lambda: routes(2_000, "match: {path: /a}, handoff: origin"),
    "routes that overlap": lambda: routes(
        2_000, 'match: {path: "/{a}/N", method: [GET, POST]}, respond: {status: 404, body: "N"}'
    ),
    "many segments": lambda: path("/a" * 50_000),
    "many parameters": lambda: path("".join(f"/{{p{number}}}" for number in range(10_000))),
    "a parameter many times": lambda: path("/{p}" * 50_000),
    "many hosts": lambda: routes(1, f"match: {{host: [{'a.example.com, ' * 20_000}]}}, handoff: origin"),
    "many headers": lambda: routes(1, f"match: {{header: {{{''.join(f'x-{i}: a, ' for i in range(2_000))}}}}}, handoff: origin"),
    "a pattern": lambda: routes(1, f'match: {{path: "/{{a}}", where: {{a: "{"(a|b)*" * 20_000}"}}}}, handoff: origin'),
    "a nested pattern": lambda: routes(1, f'match: {{path: "/{{a}}", where: {{a: "{"(" * 50_000}"}}}}, handoff: origin'),
    "counts of counts": lambda: routes(1, 'match: {path: "/{a}", where: {a: "((a{1,64}){1,64}){1,64}"}}, handoff: origin'),
    "braces": lambda: routes(1, f'redirect: {{location: "/{"{" * 100_000}"}}'),
    "variables": lambda: START.replace("a.example.com", "${A}" * 5_000) + "  - handoff: origin\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=list(FILES))
def test_a_large_file_ends_soon(text: Callable[[], str]) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], input=text().encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()[-2000:]) == (0, "")
    # The output is not huge either.
    assert max(map(int, done.stdout.split())) < 20_000_000
