"""Tests the JSON Schema with an independent validator: it accepts every valid file, and refuses what a schema can refuse."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fanroute.cli.codes_page import diagnose
from fanroute.spec.editor_schema import routes_editor_schema
from fanroute.spec.json_schema import routes_schema
from fanroute.syntax.source import parse_yaml
from tests.conftest import INPUTS, REPOSITORY

FILES = sorted(
    path for path in REPOSITORY.rglob("*.yaml") if not path.relative_to(REPOSITORY).parts[0].startswith((".", "build"))
)
# Errors in keys and values by themselves. A schema cannot check references between values.
TELLABLE = {"FR201", "FR202", "FR205", "FR206"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(routes_schema())
    return Draft202012Validator(routes_schema())


def codes(raw: bytes) -> set[str]:
    return {diagnostic.code for diagnostic in diagnose(raw, INPUTS) if diagnostic.severity == "error"}


class Variables(dict[str, str]):
    """Expands each variable to its own reference, because an editor sees the file without values."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> str:
        return f"${{{name}}}"


def data(text: str) -> Any:
    """Returns the data of a file as an editor sees it. Fanroute reads a number with a point as the text that it is."""
    found = parse_yaml(text, Variables(ANY="")).data
    logs = found.get("logs") if isinstance(found, dict) else None
    if isinstance(logs, dict) and re.fullmatch(r"[0-9]+\.[0-9]+", str(logs.get("sample"))):
        logs["sample"] = float(logs["sample"])
    return found


VALID = [path for path in FILES if re.search(rb"^routes:", path.read_bytes(), re.MULTILINE) and not codes(path.read_bytes())]
TOLD = [path for path in FILES if codes(path.read_bytes()) & TELLABLE]


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", VALID, ids=name)
def test_a_valid_file_is_taken(validator: Draft202012Validator, path: Path) -> None:
    assert [error.message for error in validator.iter_errors(data(path.read_text()))] == []


@pytest.mark.parametrize("path", TOLD, ids=name)
def test_a_file_with_a_wrong_key_is_refused(validator: Draft202012Validator, path: Path) -> None:
    assert list(validator.iter_errors(data(path.read_text())))


BACKENDS = 'backends: {origin: {url: "https://x"}, self: {loopback: true}}'
START = f"version: 1\nservice: {{name: x}}\n{BACKENDS}\n"
WRONG = {
    "a version": (f"version: 2\nservice: {{name: x}}\n{BACKENDS}\nroutes: [{{handoff: origin}}]", "version"),
    "no version": (f"service: {{name: x}}\n{BACKENDS}\nroutes: [{{handoff: origin}}]", ""),
    "no routes": (START + "routes: []", "routes"),
    "a name": (START.replace("{name: x}", "{name: 1x}") + "routes: [{handoff: origin}]", "service/name"),
    "no kind of backend": (START.replace('{url: "https://x"}', "{}") + "routes: [{handoff: origin}]", "backends/origin"),
    "two kinds of backend": (START.replace("true}", 'true, url: "http://y"}') + "routes: [{handoff: origin}]", "backends/self"),
    "another kind's key": (START.replace('x"}', 'x", host: x}') + "routes: [{handoff: origin}]", "backends/origin"),
    "loopback": (START.replace("true", "false") + "routes: [{handoff: origin}]", "backends/self/loopback"),
    "a url": (START.replace("https://x", "ftp://x") + "routes: [{handoff: origin}]", "backends/origin/url"),
    "an unknown key": (START + "routes: [{handoff: origin, mach: {}}]", "routes/0"),
    "an unknown key within": (START + "routes: [{match: {pth: /}, handoff: origin}]", "routes/0/match"),
    "no action": (START + "routes: [{match: {path: /}}]", "routes/0"),
    "two actions": (START + "routes: [{handoff: origin, respond: {status: 200}}]", "routes/0"),
    "no status": (START + "routes: [{respond: {}}]", "routes/0/respond"),
    "a status out of range": (START + "routes: [{respond: {status: 99}}]", "routes/0/respond/status"),
    "a status as text": (START + 'routes: [{respond: {status: "200"}}]', "routes/0/respond/status"),
    "a path": (START + "routes: [{match: {path: x}, handoff: origin}]", "routes/0/match/path"),
    "a host": (START + "routes: [{match: {host: x/y}, handoff: origin}]", "routes/0/match/host"),
    "a host of a list": (START + "routes: [{match: {host: [x, x/y]}, handoff: origin}]", "routes/0/match/host"),
    "an empty list": (START + "routes: [{match: {host: []}, handoff: origin}]", "routes/0/match/host"),
    "a method": (START + "routes: [{match: {method: G T}, handoff: origin}]", "routes/0/match/method"),
    "a scheme": (START + "routes: [{match: {scheme: ftp}, handoff: origin}]", "routes/0/match/scheme"),
    "a boolean": (START + "routes: [{match: {websocket: yes}, handoff: origin}]", "routes/0/match/websocket"),
    "a header's name": (START + "routes: [{match: {header: {a b: c}}, handoff: origin}]", "routes/0/match/header"),
    "an empty condition": (START + "routes: [{match: {query: {a: {}}}, handoff: origin}]", "routes/0/match/query/a"),
    "a double condition": (
        START + "routes: [{match: {query: {a: {values: [x], present: true}}}, handoff: origin}]",
        "routes/0/match/query/a",
    ),
    "a number for text": (START + "routes: [{match: {query: {a: 1}}, handoff: origin}]", "routes/0/match/query/a"),
    "too many channels": (START + f"routes: [{{sse: {{channel: [{', '.join('a' * 21)}]}}}}]", "routes/0/sse/channel"),
    "a store's key without a name": (
        START + "routes: [{handoff: origin, auth: {keys: {algorithm: HS256, secret_store: x}}}]",
        "routes/0/auth",
    ),
    "a store beside a file": (
        START + "routes: [{handoff: origin, auth: {keys: {algorithm: ES256, file: x.pem, secret_store: x}}}]",
        "routes/0/auth",
    ),
    "a name without a store": (
        START + "routes: [{handoff: origin, auth: {keys: {algorithm: ES256, file: x.pem, name: x}}}]",
        "routes/0/auth",
    ),
    "a duration": (START + "routes: [{sse: {channel: a, keep_alive: 25}}]", "routes/0/sse/keep_alive"),
    "a duration's unit": (START + "routes: [{sse: {channel: a, keep_alive: 25d}}]", "routes/0/sse/keep_alive"),
    "a location": (START + "routes: [{redirect: {location: x}}]", "routes/0/redirect"),
    "a redirect's status": (START + "routes: [{redirect: {location: /, status: 300}}]", "routes/0/redirect"),
    "a header's value": (START + "routes: [{respond: {status: 200, headers: {a: é}}}]", "routes/0/respond/headers/a"),
}


def test_a_channel_may_have_any_name_in_it(validator: Draft202012Validator) -> None:
    """A dot in a pattern does not match a line feed."""
    text = START + 'routes: [{match: {query: {"\\n": {present: true}}}, sse: {channel: "{query.\\n}"}}]'
    assert codes(text.encode()) == set()
    assert list(validator.iter_errors(data(text))) == []


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_refused_at_its_place(validator: Draft202012Validator, kind: str) -> None:
    text, place = WRONG[kind]
    assert codes(text.encode()), "the compiler refuses it too"
    assert ["/".join(map(str, error.absolute_path)) for error in validator.iter_errors(data(text))] == [place]


def test_every_key_is_described() -> None:
    """Descriptions are our own texts on one line, without names from Python."""
    for mapping in (routes_schema(), *routes_schema()["$defs"].values()):
        assert mapping["additionalProperties"] is False
        for node in mapping["properties"].values():
            assert node["description"] and "\n" not in node["description"]
    assert not re.search(r'"(title)": "[A-Z]', json.dumps(routes_schema()))
    assert "null" not in json.dumps(routes_schema())


def test_it_is_printed(tmp_path: Path) -> None:
    """The output does not depend on the terminal's width and encoding."""
    environment = {"PYTHONIOENCODING": "ascii", "COLUMNS": "20"}
    command = [sys.executable, "-P", "-m", "fanroute", "schema"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert (json.loads(done.stdout), done.stderr) == (routes_editor_schema(), "")
    assert done.stdout.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
