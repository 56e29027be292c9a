"""Tests each property with a coverage-guided fuzzer, as a part of `make fuzz`."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.conftest import REPOSITORY
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.support.counts import COUNTS

# How long each target is fuzzed, and how long one input may take.
SECONDS, TIMEOUT = 40, 20

pytestmark = [
    pytest.mark.skipif(settings.default.derandomize, reason="make fuzz does"),
    pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris for this system"),
]


def quoted(word: bytes) -> str:
    """Returns a word as a libFuzzer dictionary spells it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_inputs_of_a_fuzzer(target: Target, tmp_path: Path) -> None:
    inputs, words = tmp_path / "inputs", tmp_path / "words"
    inputs.mkdir()
    for number, seed in enumerate(target.seeds):
        (inputs / str(number)).write_bytes(seed)
    words.write_text("".join(f'"{quoted(word)}"\n' for word in target.words))
    limits = [f"-max_total_time={SECONDS}", f"-timeout={TIMEOUT}"]
    options = [f"-dict={words}", *limits, f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.guided", target.name, str(inputs), *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, errors="replace", check=False)
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    COUNTS[f"{target.name}, guided by coverage"] += int(executed[1]) if executed else 0
    assert done.returncode == 0, done.stderr[-4000:]
