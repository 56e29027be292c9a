"""The parts of bench/ that measure nothing: its reading of other programs' output, its statistics, its page, its imports."""

import ast
import importlib
import json
import socket
from pathlib import Path
from threading import Timer
from typing import Any, cast

import pytest
from bench.contestants import APPS, contestants
from bench.measuring.comparison import Comparison
from bench.measuring.load import LoadFailed, lua_string, name_percentiles, parse_vegeta, parse_wrk, remove_correction, wrk_script
from bench.measuring.viceroy import Viceroy
from bench.measuring.workloads import Workload, workloads
from bench.profiling.perf import report_rows, time_shares
from bench.profiling.sections import section_sizes
from bench.report import page
from bench.report.goals import evaluate_goals
from bench.report.plot import Line, draw_plot
from bench.run_data import RunData, read_run
from bench.statistics import Spread, percentiles, ratio, spread
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import REPOSITORY

DATA = read_run()
KEY = ec.derive_private_key(7, ec.SECP256R1())


def wrk_output(**changes: Any) -> str:
    """Returns what wrk prints with our script, with some fields changed."""
    found = {"requests": 4, "duration": 2_000_000, "failed": 0, "status": 0, "latency": [[100, 3], [900, 1]], **changes}
    return f"Running 1s test\n  1 threads\n\n{json.dumps(found)}\n"


@pytest.mark.parametrize("path", page.PATHS)
def test_the_page_is_made_from_the_results(path: str, request: pytest.FixtureRequest) -> None:
    text = page.render_pages(DATA)[path]
    if request.config.getoption("--update"):
        (REPOSITORY / path).write_text(text, encoding="utf-8")
    assert (REPOSITORY / path).read_text(encoding="utf-8") == text


def test_the_contestants_are_what_the_page_can_tell() -> None:
    everybody = contestants(KEY)
    assert len({one.name for one in everybody}) == len(everybody)
    names = set(workloads(KEY))
    for one in everybody:
        assert one.kit in page.COLOURS and one.mode in page.MODES and set(one.workloads) <= names
        assert [name for name in one.recipe.files.values() if isinstance(name, str) and not (APPS / name).is_file()] == []
        assert any(name.startswith("stream") for name in one.workloads)  # all contestants are compared by it


def test_what_is_missing_or_failed_has_no_figure() -> None:
    """If something was not measured, a goal is neither met nor missed."""
    data = {**DATA, "requests": [{**cell, "failed": "no answer"} for cell in DATA["requests"]]}
    assert {goal.met for goal in evaluate_goals(data) if "p50" in goal.title and "routes" not in goal.title} == {None}
    missing = {"kit": "Rust", "mode": "reused", "description": "", "missing": "cargo: a | b"}
    text = page.render_pages({**DATA, "contestants": {**DATA["contestants"], "rust": missing}})[page.PAGE]
    assert "| rust | cargo: a \\| b |" in text


class StoppedServer:
    """Stands in for a Viceroy that has stopped: nothing listens on its port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.port = closed.getsockname()[1]
        self.calls: list[str] = []

    def resume(self) -> None:
        self.calls.append("resume")

    def pause(self) -> None:
        self.calls.append("pause")


def test_without_an_answer_a_cell_has_failed(tmp_path: Path) -> None:
    """The failure is found before anything is measured, and a failed cell is not measured again."""
    comparison = Comparison(RunData("", 1, 1, {}, 200), KEY, tmp_path, tmp_path, 0, tmp_path)
    server, cell = StoppedServer(), dict[str, Any]()
    for _ in range(2):
        comparison.run_closed_loop(cell, cast(Viceroy, server), comparison.workload("stream"), 1)
    assert cell.keys() == {"failed"} and "refused" in cell["failed"]
    assert server.calls == ["resume", "pause"]


def test_a_heap_may_be_told_after_the_answer(tmp_path: Path) -> None:
    log = tmp_path / "viceroy.log"
    log.write_text("")
    later = Timer(0.1, log.write_text, ["request completed using 13.6 MB of WebAssembly heap\n"])
    later.start()
    assert Viceroy(cast(Any, None), 0, log, 0.0).heap() == 13.6
    later.join()


def test_what_bounds_a_missed_goal_is_told_by_the_profile() -> None:
    """A goal that is missed has its profile and what would help beside it. If there is no profile, the rest is there."""
    slow = {"rounds": [{"rate": 1.0, "faults": 31.0, "latency": dict.fromkeys(("p50", "p90", "p99", "p99.9"), 9_000_000)}]}
    requests = [cell | slow if cell["contestant"] in ("fanroute", "fanroute-fresh") else cell for cell in DATA["requests"]]
    shares = {"guest": 25.0, "Viceroy": 25.0, "page faults": 20.0, "mapping memory": 5.0, "the kernel's rest": 25.0}
    figures = {"processor": 400.0, "faults": 31.0, "shares": shares, "faulting": {"guest": 99.0}, "top": []}
    ours = {"contestant": "fanroute", "workload": "stream", "connections": 1, **figures}
    profiles = [one for one in DATA["profile"]["requests"] if (one["contestant"], one["workload"]) != ("fanroute", "stream")]
    profile = {**DATA["profile"], "requests": [*profiles, ours]}
    text = page.render_pages({**DATA, "requests": requests, "profile": profile})[page.PAGE]
    row = "| warm p50, GRIP answer known when building | Fanroute | reused | 400 | 100 | 100 | 200 | 31 |"
    lever = "- **cold p50, GRIP answer known when building**: Most of the time goes into pages"
    assert row in text and lever in text
    unexplained = page.render_pages({**DATA, "requests": requests, "profile": {**DATA["profile"], "requests": []}})[page.PAGE]
    assert "| warm p50, GRIP answer known when building | Fanroute | reused" not in unexplained and lever in unexplained


def test_what_wrk_tells() -> None:
    found = parse_wrk(wrk_output(), 200, 1)
    assert found == {"rate": 2.0, "latency": {"p50": 100, "p90": 900, "p99": 900, "p99.9": 900}, "requests": 4}
    assert parse_wrk(wrk_output(status=4), 404, 1) == found


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"requests": 0}, 200), ({"failed": 1}, 200), ({"status": 1}, 200), ({"status": 3}, 404), ({"latency": [[100, 3]]}, 200)],
)
def test_what_wrk_did_not_measure(changes: dict[str, Any], status: int) -> None:
    with pytest.raises(LoadFailed):
        parse_wrk(wrk_output(**changes), status, 1)


def test_what_wrk_makes_up_is_taken_out() -> None:
    """Adds latencies as wrk does, for each latency of at least twice the interval, in rising order."""
    measured = {50: 90, 100: 5, 350: 2, 420: 1, 1000: 1}
    interval, corrected = 100, dict(measured)
    for latency in sorted(measured):
        for invented in range(latency - interval, interval, -interval) if latency >= 2 * interval else ():
            corrected[invented] = corrected.get(invented, 0) + corrected.get(latency, 0)
    assert sum(corrected.values()) > sum(measured.values())
    assert remove_correction(corrected, interval) == measured


def test_wrks_script_has_any_bytes() -> None:
    assert lua_string(b'a"\n\xff') == '"a\\034\\010\\255"'
    script = wrk_script(Workload("", ("/a", "/b"), "POST", {"X": "1"}, b"{}"))
    assert b'wrk.format("POST", path, {["X"] = "1"}, "\\123\\125")' in script
    assert b'wrk.format("GET", path, {}, nil)' in wrk_script(Workload("", ("/a",)))


def test_what_vegeta_tells() -> None:
    table = "1,200,500,0,0,,,,0,GET,http://127.0.0.1,\n2,200,700,0,0,,,,1,GET,http://127.0.0.1,\n"
    assert parse_vegeta(table, 200) == [500, 700]
    for output in (table, ""):
        with pytest.raises(LoadFailed):
            parse_vegeta(output, 404)


def test_figures() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    assert ratio([2, 6, 3], [1, 2, 3]) == Spread(2, 1, 3)
    assert percentiles(range(1, 1001), [0, 50, 99.9, 100]) == [1, 500, 999, 1000]
    assert name_percentiles([1, 2.04, 3, 4]) == {"p50": 1, "p90": 2.0, "p99": 3, "p99.9": 4}


def test_a_plot_tells_its_lines() -> None:
    text = draw_plot("a & b", "x", "y", {0.0: "0", 1.0: "1"}, [Line("one", "#000", True, False, [(0, 1), (1, 100)])])
    assert "a &amp; b" in text and 'class="line fresh"' in text and text.endswith("</svg>\n")


def test_what_perf_reports() -> None:
    by_library = " 60.00% ;[kernel.kallsyms]\n 30.00% ;[JIT] tid 1\n 10.00% ;viceroy\n"
    by_entry = " 40.00% ; 0.00%  ;[k] asm_exc_page_fault   ;-      -\n  5.00% ; 0.08%  ;[k] __x64_sys_munmap\n"
    assert report_rows(by_library)[1] == (30.0, "[JIT] tid 1")
    shares = {"guest": 30.0, "Viceroy": 10.0, "page faults": 40.0, "mapping memory": 5.0, "the kernel's rest": 15.0}
    assert time_shares(by_library, by_entry) == shares


def test_the_sections_of_a_component() -> None:
    """The component has a core module, with three bytes of code and two of data, and a custom section."""
    module = b"\0asm\x01\0\0\0" + b"\x0a\x03abc" + b"\x0b\x02de"
    component = b"\0asm\x0d\0\x01\0" + bytes([1, len(module)]) + module + b"\0\x02xy"
    found = section_sizes(component)
    assert (found["modules"], found["code"], found["data"], found["rest"]) == (1, 3, 2, len(component) - 5)


# The folders of bench/ that a folder may import from, besides modules of bench/ itself.
IMPORTS: dict[str, set[str]] = {"apps": set(), "measuring": set(), "profiling": {"measuring"}, "report": set(), "studies": set()}


def test_folders_of_the_bench_are_apart() -> None:
    """No folder imports from one that IMPORTS does not allow, and nothing imports the CLI."""
    for path in sorted((REPOSITORY / "bench").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        assert [name for name in modules if name.startswith("fanroute.cli")] == [], path
        folder = path.relative_to(REPOSITORY / "bench").parts[0]
        if folder in IMPORTS:
            imported = {name.split(".")[1] for name in modules if name.startswith("bench.")}
            assert imported & set(IMPORTS) <= IMPORTS[folder] | {folder}, path
        else:
            assert folder == "run.py" or not any(
                name.startswith(tuple(f"bench.{other}" for other in IMPORTS)) for name in modules
            )


def test_each_module_can_be_imported() -> None:
    """Studies and profiles import most of the compiler, and no other test imports them."""
    for path in sorted((REPOSITORY / "bench").rglob("*.py")):
        if "apps" not in path.parts:
            importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))


def test_the_readme_names_each_module() -> None:
    readme = (REPOSITORY / "bench" / "README.md").read_text(encoding="utf-8")
    for path in sorted((REPOSITORY / "bench").rglob("*.py")):
        name = path.relative_to(REPOSITORY / "bench").as_posix()
        assert name.startswith("apps/") or path.name == "__init__.py" or f"`{name}`" in readme, name
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{name} does not say what it is for"
