"""Tests what the YAML language server, which editors use, makes of the JSON Schemas. `make test` installs it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fanroute.project.package_files import template_files, template_names
from fanroute.project.scaffold import scaffold_files
from fanroute.routetests.editor_schema import route_tests_editor_schema
from fanroute.spec.editor_schema import routes_editor_schema
from tests.support.language_client import LanguageClient

SCHEMAS = {"routes.yaml": routes_editor_schema(), "routes.test.yaml": route_tests_editor_schema()}
SETTINGS = {"yaml": {"hover": True, "completion": True, "validate": True, "schemaStore": {"enable": False}}}
ROUTES = "# yaml-language-server: $schema=./routes.schema.json\n"
TESTS = "# yaml-language-server: $schema=./routes.test.schema.json\n"
ROUTE = ROUTES + "routes:\n  - name: x\n"
NUMBERS = count(1)

Ask = Callable[[str], Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageClient]:
    assert "YAML_LANGUAGE_SERVER" in os.environ, "run `make test`, which installs the YAML language server"
    node = shutil.which("node")
    assert node, "npm, with which `make test` installs the server, comes with node"
    folder = tmp_path_factory.mktemp("editor")
    for file, schema in SCHEMAS.items():
        (folder / file).with_suffix(".schema.json").write_text(json.dumps(schema))
    program = Path(os.environ["YAML_LANGUAGE_SERVER"]) / "node_modules/yaml-language-server/bin/yaml-language-server"
    with LanguageClient([node, str(program), "--stdio"], folder, SETTINGS) as client:
        yield client


@pytest.fixture
def hover(client: LanguageClient) -> Ask:
    """Returns a function that returns the Markdown for the place that `|` marks."""
    return lambda text: client.ask_at("textDocument/hover", f"{next(NUMBERS)}.yaml", text)["contents"]["value"]


@pytest.fixture
def complete(client: LanguageClient) -> Ask:
    """Returns a function that returns what is inserted at the place that `|` marks, by label."""

    def ask(text: str) -> dict[str, str]:
        items = client.ask_at("textDocument/completion", f"{next(NUMBERS)}.yaml", text)["items"]
        return {item["label"]: item["textEdit"]["newText"] for item in items}

    return ask


SSE = """\
#### sse

Opens a stream of server-sent events.

A stream of server-sent events. A message to publish is `data: …` and an empty line.

```yaml
sse:
  channel: room-{room}
  retry: 2s
  keep_alive: 25s
```

[docs/reference.md#routes-sse](docs/reference.md#routes-sse)

"""


@pytest.mark.parametrize("value", ["", " {channel: a}", "\n      channel: a"])
def test_a_key_is_explained_with_an_example(hover: Ask, value: str) -> None:
    """Also before it has a value."""
    assert hover(f"{ROUTE}    ss|e:{value}\n").startswith(SSE.rstrip())


def test_what_is_shown_for_keys(hover: Ask) -> None:
    shown = hover(f"{ROUTE}    match: {{meth|od: GET}}\n")
    assert shown.startswith("#### a method\n\nOne method or a list. ") and "Example:\n\n```yaml\nPATCH\n```" in shown
    shown = hover(f"{ROUTE}    auth: {{on_exp|iry: close}}\n")
    assert "`keep` if not given." in shown and "Allowed Values:\n\n* `close`\n* `keep`\n" in shown
    shown = hover(f"{ROUTE}    sse: {{chann|el: a}}\n")
    assert shown.startswith("#### a channel\n\nOne channel or up to 20. ") and "(docs/reference.md#sse-channel)" in shown
    shown = hover(f"{TESTS}tests:\n  - expec|t: {{}}\n")
    assert "The expected outcome" in shown and "```yaml\nexpect:\n  route: room-events\n  channel: room-blue\n```" in shown


INSERTED = [
    (ROUTE + "    |", "sse", "sse:\n  channel: "),
    (ROUTE + "    |", "stream", "stream:\n  channel: "),
    (ROUTE + "    |", "auth", "auth: "),
    (ROUTE + "    |", "respond", "respond:\n  status: "),
    (ROUTE + "    |", "handoff", "handoff: "),
    (ROUTES + "|", "paths", "paths:\n  "),
    (ROUTES + "|", "backends", "backends:\n  ${1:origin}:\n    url: ${2:https://app.example.com}"),
    (
        ROUTES + "|",
        "version, service, backends, routes",
        "version: 1\nservice:\n  name: ${1:chat-edge}\nbackends:\n  ${2:origin}:\n    url: ${3:https://app.example.com}\n"
        "routes:\n  - handoff: ${4:origin}",
    ),
    (
        ROUTE + "    auth:\n      keys:\n        |",
        "algorithm, secret_store, name",
        "algorithm: ${1|ES256,RS256,HS256,ES384,EdDSA,Ed25519,PS256,HS384,HS512|}\nsecret_store: ${2:keys}\nname: ${3:keys}",
    ),
    (
        TESTS + "tests:\n  - |",
        "request, expect",
        "request: ${1:GET https://chat.example.com/rooms/blue}\n  expect: {$2}",
    ),
    (TESTS + "tests:\n  - name: x\n    |", "expect", "expect:\n  "),
]


@pytest.mark.parametrize(("text", "label", "inserted"), INSERTED)
def test_only_what_is_required_is_inserted(complete: Ask, text: str, label: str, inserted: str) -> None:
    assert complete(text)[label] == inserted


def test_no_label_is_a_name_of_ours(complete: Ask) -> None:
    """The server names a mapping by its title, and without one by the name of our class."""
    assert {"auth_profiles.keys, auth.keys", "algorithm"} <= (
        labels := complete(f"{ROUTE}    auth:\n      keys:\n        |").keys()
    )
    assert not any(label[0].isupper() for label in labels)


VALUES = [
    (ROUTE + "    match:\n      method: |", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}),
    (ROUTE + "    match:\n      scheme: |", {"http", "https"}),
    (ROUTE + "    handoff: |", {"origin"}),
    (ROUTE + "    redirect:\n      status: |", {"301", "302", "303", "307", "308"}),
    (ROUTES + "fanout:\n  grip_sig: |", {"verify", "present", "none"}),
    (TESTS + "tests:\n  - expect:\n      action: |", {"sse", "handoff", "tunnel", "preflight"}),
    (TESTS + "tests:\n  - request:\n      method: |", {"GET", "POST"}),
]


@pytest.mark.parametrize(("text", "values"), VALUES)
def test_values_are_proposed(complete: Ask, text: str, values: set[str]) -> None:
    proposed = complete(text)
    assert values <= proposed.keys() and "[object Object]" not in proposed


@pytest.mark.parametrize("template", template_names())
def test_a_new_folder_has_no_faults(client: LanguageClient, tmp_path: Path, template: str) -> None:
    texts = scaffold_files(template_files(template), tmp_path / "new", SCHEMAS)
    for file in SCHEMAS:
        assert client.diagnostics(client.open(file.replace(".", f"-{template}.", 1), texts[file])) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROUTES + "version: 1\nservice: {name: x}\nbackends: {}\nroutes: [{ss: {channel: a}}]\n", "Property ss is not allowed."),
        (TESTS + "tests: [{request: GET https://x/, expect: {chanel: x}}]\n", "Property chanel is not allowed."),
    ],
)
def test_a_fault_is_found(client: LanguageClient, text: str, message: str) -> None:
    diagnostics = client.diagnostics(client.open(f"{next(NUMBERS)}.yaml", text))
    assert message in [diagnostic["message"] for diagnostic in diagnostics]
