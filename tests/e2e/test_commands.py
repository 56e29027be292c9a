"""Each command that `serve` prints for a route runs in a shell as it is, and its request matches that route."""

import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import Edge

# The embedded edge's server takes only methods that it knows.
OF_OTHER_METHODS = ("route-5", "route-6")


def test_a_printed_command_reaches_its_route(hard_edge: Edge, tmp_path: Path) -> None:
    printed = re.findall(r"^  (route-[1-9]): (curl .*)$", "".join(hard_edge.output), re.MULTILINE)
    assert len(printed) == 9
    for route, command in printed:
        shell = ["bash", "-c", f"curl() {{ command curl --noproxy '*' --max-time 10 -sSD headers -o body \"$@\"; }}; {command}"]
        done = subprocess.run(shell, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        if hard_edge.name == "embedded" and route in OF_OTHER_METHODS:
            assert " 400 " in (tmp_path / "headers").read_text()
            continue
        assert f"\nx-route: {route}\n" in (tmp_path / "headers").read_text().lower(), command
