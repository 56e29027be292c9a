"""Runs programs that use the GRIP libraries for Python and JavaScript, which `make test` installs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

LANGUAGES = ("python", "javascript")
# Programs of a server that has a GRIP_URL. Each publishes a line, and prints which values of Grip-Sig are valid at a time, in
# seconds since 1970, as a JSON list. Their arguments: the URL, the channel, the line, the time or 0 for now, and the values.
_PYTHON = """\
import datetime, json, sys
import gripcontrol, jwt, pubcontrol

url, channel, line, time, *signatures = sys.argv[1:]
if time != "0":
    class Then(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(int(time), tz)

        @classmethod
        def utcnow(cls):
            return datetime.datetime.fromtimestamp(int(time), datetime.timezone.utc)

    jwt.api_jwt.datetime = gripcontrol.gripcontrol.datetime = Then
proxy = gripcontrol.parse_grip_uri(url)
publisher = gripcontrol.GripPubControl(proxy)
publisher.publish(channel, pubcontrol.Item(gripcontrol.HttpStreamFormat(line + "\\n")), blocking=True)
print(json.dumps([gripcontrol.validate_sig(one, proxy["verify_key"], iss=proxy["verify_iss"]) for one in signatures]))
"""
_JAVASCRIPT = """\
import { Publisher } from "@fanoutio/grip";

const [url, channel, line, time, ...signatures] = process.argv.slice(2);
if (time !== "0") {
  globalThis.Date = class extends Date {
    constructor() {
      super(Number(time) * 1000);
    }
  };
}
const publisher = new Publisher(url);
await publisher.publishHttpStream(channel, line + "\\n");
const checked = await Promise.all(signatures.map((one) => publisher.validateGripSig(one)));
console.log(JSON.stringify(checked.map((one) => one.isSigned)));
"""


def publish_and_verify(language: str, folder: Path, url: str, line: str, signatures: list[str], time: int = 0) -> list[bool]:
    """Publishes a line on the channel `test` with the library of one of LANGUAGES. Returns which signatures it accepts.

    Args:
        language: one of LANGUAGES.
        folder: an empty folder for the program.
        url: the library's GRIP_URL.
        line: the line.
        signatures: values of Grip-Sig.
        time: when they are checked, in seconds since 1970; 0 for now.
    """
    command = python_command(_PYTHON, folder) if language == "python" else javascript_command(_JAVASCRIPT, folder)
    done = subprocess.run(
        [*command, url, "test", line, str(time), *signatures], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    accepted: list[bool] = json.loads(done.stdout)
    return accepted


def python_command(code: str, folder: Path) -> list[str]:
    """Writes a Python program to a folder. Returns the command that runs it."""
    program = folder / "publish.py"
    program.write_text(code)
    return ["/usr/bin/env", f"PYTHONPATH={_libraries()}", sys.executable, str(program)]


def javascript_command(code: str, folder: Path) -> list[str]:
    """Writes a JavaScript module to a folder. Returns the command that runs it."""
    program = folder / "publish.mjs"
    program.write_text(code)
    (folder / "node_modules").symlink_to(_libraries() / "node_modules")
    node = shutil.which("node")
    assert node, "npm, with which `make test` installs the library, comes with node"
    return [node, str(program)]


def _libraries() -> Path:
    assert "GRIP_LIBRARIES" in os.environ, "run `make test`, which installs the libraries"
    return Path(os.environ["GRIP_LIBRARIES"])
