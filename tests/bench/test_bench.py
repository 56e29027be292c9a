"""The bench's parts that measure nothing: what it makes of its drivers' output, its figures, its page."""

import json
import socket
from pathlib import Path
from threading import Timer
from typing import Any, cast

import pytest
from bench.contestants import SOURCES, contestants
from bench.measuring.comparison import Field, Results
from bench.measuring.load import DriverFailed, lua, named, of_vegeta, of_wrk, quoted, uncorrected
from bench.measuring.viceroy import Viceroy
from bench.measuring.workloads import Work, works
from bench.profiling.perf import rows, shares
from bench.profiling.sections import sections
from bench.report import page
from bench.report.goals import goals
from bench.report.plot import Line, plot
from bench.statistics import Spread, percentiles, ratio, spread
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import REPOSITORY

DATA = json.loads(page.RESULTS.read_text(encoding="utf-8"))


def wrk(**found: Any) -> str:
    told = {"requests": 4, "duration": 2_000_000, "failed": 0, "status": 0, "latency": [[100, 3], [900, 1]], **found}
    return f"Running 1s test\n  1 threads\n\n{json.dumps(told)}\n"


@pytest.mark.parametrize("path", page.PATHS)
def test_the_page_is_made_from_the_results(path: str, request: pytest.FixtureRequest) -> None:
    text = page.pages(DATA)[path]
    if request.config.getoption("--update"):
        (REPOSITORY / path).write_text(text, encoding="utf-8")
    assert (REPOSITORY / path).read_text(encoding="utf-8") == text


def test_the_contestants_are_what_the_page_can_tell() -> None:
    everybody = contestants(b"")
    assert len({one.name for one in everybody}) == len(everybody)
    names = set(works(ec.generate_private_key(ec.SECP256R1())))
    for one in everybody:
        assert one.kit in page.COLOURS and one.mode in page.MODES and set(one.does) <= names
        assert [name for name in one.recipe.files.values() if isinstance(name, str) and not (SOURCES / name).is_file()] == []
        assert any(name.startswith("stream") for name in one.does)  # what all are compared by


def test_what_is_missing_or_failed_has_no_figure() -> None:
    """A goal is neither met nor missed by what was not measured."""
    data = {**DATA, "requests": [{**cell, "failed": "no answer"} for cell in DATA["requests"]]}
    assert {goal.met for goal in goals(data) if "p50" in goal.what and "routes" not in goal.what} == {None}
    gone = {"kit": "Rust", "mode": "reused", "what": "", "missing": "cargo: a | b"}
    text = page.pages({**DATA, "contestants": {**DATA["contestants"], "rust": gone}})[page.PAGE]
    assert "| rust | cargo: a \\| b |" in text


class Gone:
    """In place of a Viceroy: nobody listens there."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.port = closed.getsockname()[1]
        self.calls: list[str] = []

    def resume(self) -> None:
        self.calls.append("resume")

    def pause(self) -> None:
        self.calls.append("pause")


def test_without_an_answer_a_cell_has_failed(tmp_path: Path) -> None:
    """Before anything is measured; the run goes on with the others."""
    key = ec.generate_private_key(ec.SECP256R1())
    field, server, cell = Field(Results("", 1, 1, {}), key, tmp_path, tmp_path, 0, tmp_path), Gone(), dict[str, Any]()
    for _ in range(2):
        field.ask(cell, cast(Viceroy, server), field.work("stream"), 1)
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
    slow = {"rounds": [{"rate": 1.0, "faults": 31.0, "latency": dict.fromkeys(("p50", "p90", "p99", "p99.9"), 9_000_000)}]}
    requests = [cell | slow if cell["contestant"] in ("fanroute", "fanroute-fresh") else cell for cell in DATA["requests"]]
    profiles = [told for told in DATA["profile"]["requests"] if told["contestant"] != "fanroute"]
    for connections, processor in ((1, 400.0), (16, 1600.0)):
        parts = {"guest": 25.0, "Viceroy": 25.0, "page faults": 20.0, "mapping memory": 5.0, "the kernel's rest": 25.0}
        told = {"contestant": "fanroute", "connections": connections, "processor": processor, "faults": 31.0, "shares": parts}
        profiles.append({**told, "faulting": {"guest": 99.0}, "top": []})
    text = page.pages({**DATA, "requests": requests, "profile": {**DATA["profile"], "requests": profiles}})[page.PAGE]
    assert "- Warm: an answer takes 400 µs of processor time, what new sandboxes take among it: 100 µs are Python's" in text
    assert "and it takes 1600 µs: 320 µs\n  are 31 page faults, 31 at one connection" in text
    assert "- Cold: " in text
    untold = page.pages({**DATA, "requests": requests, "profile": {**DATA["profile"], "requests": []}})[page.PAGE]
    assert "What bounds" not in untold


def test_what_wrk_tells() -> None:
    found = of_wrk(wrk(), 200, 1)
    assert found == {"rate": 2.0, "latency": {"p50": 100, "p90": 900, "p99": 900, "p99.9": 900}, "requests": 4}
    assert of_wrk(wrk(status=4), 404, 1) == found


@pytest.mark.parametrize(
    ("told", "status"),
    [({"requests": 0}, 200), ({"failed": 1}, 200), ({"status": 1}, 200), ({"status": 3}, 404), ({"latency": [[100, 3]]}, 200)],
)
def test_what_wrk_did_not_measure(told: dict[str, Any], status: int) -> None:
    with pytest.raises(DriverFailed):
        of_wrk(wrk(**told), status, 1)


def test_what_wrk_makes_up_is_taken_out() -> None:
    """As wrk does it: of each latency over twice the interval, from the least on."""
    seen = {50: 90, 100: 5, 350: 2, 420: 1, 1000: 1}
    interval, told = 100, dict(seen)
    for latency in sorted(seen):
        for made_up in range(latency - interval, interval, -interval) if latency >= 2 * interval else ():
            told[made_up] = told.get(made_up, 0) + told.get(latency, 0)
    assert sum(told.values()) > sum(seen.values())
    assert uncorrected(told, interval) == seen


def test_wrks_script_has_any_bytes() -> None:
    assert quoted(b'a"\n\xff') == '"a\\034\\010\\255"'
    script = lua(Work("", ("/a", "/b"), "POST", {"X": "1"}, b"{}"))
    assert b'wrk.format("POST", path, {["X"] = "1"}, "\\123\\125")' in script


def test_what_vegeta_tells() -> None:
    table = "1,200,500,0,0,,,,0,GET,http://127.0.0.1,\n2,200,700,0,0,,,,1,GET,http://127.0.0.1,\n"
    assert of_vegeta(table, 200) == [500, 700]
    for wrong in (table, ""):
        with pytest.raises(DriverFailed):
            of_vegeta(wrong, 404)


def test_figures() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    assert ratio([2, 6, 3], [1, 2, 3]) == Spread(2, 1, 3)
    assert percentiles(range(1, 1001), [0, 50, 99.9, 100]) == [1, 500, 999, 1000]
    assert named([1, 2.04, 3, 4]) == {"p50": 1, "p90": 2.0, "p99": 3, "p99.9": 4}


def test_a_plot_tells_its_lines() -> None:
    text = plot("a & b", "x", "y", {0.0: "0", 1.0: "1"}, [Line("one", "#000", True, False, [(0, 1), (1, 100)])])
    assert "a &amp; b" in text and 'class="line fresh"' in text and text.endswith("</svg>\n")


def test_what_perf_reports() -> None:
    programs = " 60.00% ;[kernel.kallsyms]\n 30.00% ;[JIT] tid 1\n 10.00% ;viceroy\n"
    entered = " 40.00% ; 0.00%  ;[k] asm_exc_page_fault   ;-      -\n  5.00% ; 0.08%  ;[k] __x64_sys_munmap\n"
    assert rows(programs)[1] == (30.0, "[JIT] tid 1")
    told = {"guest": 30.0, "Viceroy": 10.0, "page faults": 40.0, "mapping memory": 5.0, "the kernel's rest": 15.0}
    assert shares(programs, entered) == told


def test_the_sections_of_a_component() -> None:
    """One that has one core module with a code section of three bytes and a data section of two, and a custom section."""
    module = b"\0asm\x01\0\0\0" + b"\x0a\x03abc" + b"\x0b\x02de"
    component = b"\0asm\x0d\0\x01\0" + bytes([1, len(module)]) + module + b"\0\x02xy"
    found = sections(component)
    assert (found["modules"], found["code"], found["data"], found["rest"]) == (1, 3, 2, len(component) - 5)
