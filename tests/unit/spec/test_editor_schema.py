"""Tests the JSON Schemas that editors get: each example and snippet is valid for the schema and for our own parser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from fanroute.cli.codes_page import diagnose
from fanroute.routetests.document import RouteTests
from fanroute.routetests.editor_schema import route_tests_editor_schema, route_tests_schema
from fanroute.spec.actions import STREAM_ACTIONS
from fanroute.spec.editor_schema import keys_body, needed_keys, routes_editor_schema
from fanroute.spec.json_schema import routes_schema
from fanroute.spec.reference_page import Schema, children, resolve, sections_of
from tests.conftest import INPUTS, REPOSITORY
from tests.support.tokens import EC, public

PLAIN = {"routes.yaml": routes_schema(), "routes.test.yaml": route_tests_schema()}
FOR_EDITORS = {"routes.yaml": routes_editor_schema(), "routes.test.yaml": route_tests_editor_schema()}
SECTIONS = {file: sections_of(root) for file, root in PLAIN.items()}
URL = {"url": "https://app.example.com"}
FILES = {".pem": public(EC), "yaml": b"routes:\n  - respond: {status: 200}\n"}
WITH_FILES = replace(INPUTS, read=lambda path, _limit: FILES.get(path[-4:], b"x"))


def error_texts(file: str, data: dict[str, Any]) -> list[str]:
    """Returns what our own parser reports, except what an environment has to do with the rest of the file."""
    if file == "routes.test.yaml":
        RouteTests.model_validate(data)
        return []
    return [
        f"{d.code} {d.message}"
        for d in diagnose(yaml.safe_dump(data).encode(), WITH_FILES)
        if d.severity == "error" and d.code not in ("FR271", "FR472")
    ]


def filled(body: Any) -> Any:
    """Returns what a snippet becomes if the user accepts all that it proposes."""
    if isinstance(body, dict):
        return {filled(key): filled(value) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(item) for item in body]
    text = re.sub(r"\$\{\d+[:|](([^\\}|,]|\\.)*)(,[^|]*)?\|?\}|\$\d+", lambda found: found[1] or "", str(body))
    return yaml.safe_load(re.sub(r"\\([\\$}])", r"\1", text))


def whole_files(file: str, path: str, value: Any) -> Iterator[dict[str, Any]]:
    """Yields the smallest files that the schema allows with a value at a path of the reference, such as `routes[].sse`."""
    if not path:
        yield completed(value) if file == "routes.yaml" else value
        return
    by_path = {path: section for section in SECTIONS[file].values() for path in section.paths}
    parent = max((parent for parent in by_path if path.startswith((f"{parent}.", f"{parent}[")) or not parent), key=len)
    key, *suffixes = re.findall(r"\[\]|\.?\w+", path.removeprefix(parent).lstrip("."))
    for suffix in reversed(suffixes):
        value = [value] if suffix == "[]" else {"room": value}
    for mapping in smallest(file, by_path[parent].mapping, {key: value}):
        yield from whole_files(file, parent, mapping)


def smallest(file: str, mapping: Schema, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the smallest mappings that contain some keys and are valid for the schema."""
    validator = Draft202012Validator({**mapping, "$defs": PLAIN[file]["$defs"]})
    bodies = (keys_body(mapping, needed, PLAIN[file], count(1)) for needed in needed_keys(mapping))
    yield from (found for body in bodies if validator.is_valid(found := {**filled(body), **known}))


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """Adds the backends that examples name, a match for what they refer to, a channel for a link, a WebSocket for its token."""
    named = spec.get("backends", {})
    loops = any("loopback" in backend for backend in named.values())
    backends = {"origin": URL} | ({} if loops else {"self": {"loopback": True}}) | named
    for route in spec.get("routes", ()):
        if "'protocol'" in str(spec.get("defaults")) and route.pop("handoff", None):
            route["websocket"] = {"channel": "news"}
        if "include" in route:
            continue
        beginning = "api" if "strip_prefix" in str(route) else "rooms"
        match = {
            "path": f"/{beginning}/{{room}}",
            "query": {"user": "ann"},
            "header": {name: {"present": True} for name in ("last-event-id", "x-message-id")},
        }
        route["match"] = match | ({"method": "POST"} if "publish" in route else {}) | route.get("match", {})
        published = route.get("publish") or route.get("websocket", {}).get("publish")
        if published:
            spec.setdefault("publishing", {"secret_store": "keys", "name": "publish-token"})
            published.setdefault("subscribers", ["sse"])
            route.setdefault("auth", {"keys": {"algorithm": "HS256", "secret_store": "keys", "name": "login"}})
        for endpoint in (route[action] for action in STREAM_ACTIONS if action in route):
            if "prev_id" in str(endpoint["channel"]):
                endpoint.setdefault("link", "/rooms/{room}")
            if "link" in endpoint and isinstance(endpoint["channel"], str):
                endpoint["channel"] = {"name": endpoint["channel"], "prev_id": "{header.last-event-id}"}
    profiles = {"staff": {"keys": {"algorithm": "HS256", "secret_store": "keys", "name": "login"}}}
    added = {"auth_profiles": profiles} if "'staff'" in str(spec) and "auth_profiles" not in spec else {}
    return spec | ({"backends": backends} if named else {}) | added


def examples_of(node: Schema, root: Schema) -> Iterator[Any]:
    yield from node.get("examples", ())
    if "$ref" in node:
        yield from root["$defs"][node["$ref"].rpartition("/")[2]].get("examples", ())
    for suffix, child in children(node):
        yield from ({"": example, "[]": [example], ".NAME": {"room": example}}[suffix] for example in examples_of(child, root))


EXAMPLES = [
    pytest.param(file, f"{section.paths[0]}.{key}".lstrip("."), example, id=f"{file}-{section.title}-{key}-{number}")
    for file, root in PLAIN.items()
    for section in SECTIONS[file].values()
    for key, node in section.mapping["properties"].items()
    for number, example in enumerate(examples_of(node, root))
]


@pytest.mark.parametrize(("file", "path", "example"), EXAMPLES)
def test_an_example_is_valid(file: str, path: str, example: Any) -> None:
    files = list(whole_files(file, path, example))
    assert files
    for data in files:
        assert [error.message for error in Draft202012Validator(PLAIN[file]).iter_errors(data)] == []
    assert min((error_texts(file, data) for data in files), key=len) == []


SNIPPETS = [
    pytest.param(file, section.paths[0], snippet["body"], id=f"{file}-{section.title}-{snippet['label']}")
    for file, sections in SECTIONS.items()
    for reference, section in sections.items()
    for snippet in resolve(reference, FOR_EDITORS[file]).get("defaultSnippets", ())
]


@pytest.mark.parametrize(("file", "path", "body"), SNIPPETS)
def test_a_snippet_is_valid_and_has_only_what_is_required(file: str, path: str, body: Any) -> None:
    (data, *_) = whole_files(file, path, filled(body))
    validator = Draft202012Validator(PLAIN[file])
    assert [error.message for error in validator.iter_errors(data)] == []
    assert error_texts(file, data) == []
    for key in body:
        shorter = {name: value for name, value in filled(body).items() if name != key}
        assert not any(validator.is_valid(data) for data in whole_files(file, path, shorter))


def test_the_snippets() -> None:
    """A mapping with one required key needs none, because the language server completes that key."""
    assert [snippet.id for snippet in SNIPPETS] == [
        "routes.yaml-the file-version, service, backends, routes",
        "routes.yaml-fanout.keys-algorithm, file, issuer",
        "routes.yaml-fanout.keys-algorithm, secret_store, name, issuer",
        "routes.yaml-fanout.keys-algorithm, config_store, name, issuer",
        "routes.yaml-publishing-secret_store, name",
        "routes.yaml-debug-secret_store, name",
        "routes.yaml-auth_profiles.keys, auth.keys-algorithm, file",
        "routes.yaml-auth_profiles.keys, auth.keys-algorithm, secret_store, name",
        "routes.yaml-auth_profiles.keys, auth.keys-algorithm, config_store, name",
        "routes.test.yaml-tests-request, expect",
    ]


@pytest.mark.parametrize("file", FOR_EDITORS)
def test_every_key_has_a_description_in_markdown(file: str) -> None:
    """Each description ends with an address in the documentation that exists."""
    schema = FOR_EDITORS[file]
    for mapping in (schema, *schema["$defs"].values()):
        for key, node in mapping["properties"].items():
            *paragraphs, link = node["markdownDescription"].split("\n\n")
            assert paragraphs and "default" not in node, key
            address = link[1 : link.index("]")]
            assert link == f"[{address}]({address})"
            page, _, anchor = address.partition("#")
            content = (REPOSITORY / page).read_text()
            headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)", content, re.MULTILINE)}
            assert not anchor or f'<a id="{anchor}"></a>' in content or anchor in headings, address


def test_a_description_has_default_and_example() -> None:
    schema = FOR_EDITORS["routes.yaml"]
    assert "\n\n`keep` if not given.\n\n" in schema["$defs"]["Auth"]["properties"]["on_expiry"]["markdownDescription"]
    assert schema["$defs"]["Route"]["properties"]["sse"]["markdownDescription"] == (
        "Opens a stream of server-sent events.\n\n"
        "A stream of server-sent events. A message to publish is `data: …` and an empty line.\n\n"
        "```yaml\nsse:\n  channel: room-{room}\n  retry: 2s\n  keep_alive: 25s\n```\n\n"
        "[docs/reference.md#routes-sse](docs/reference.md#routes-sse)"
    )


def test_every_mapping_has_an_example() -> None:
    for file, sections in SECTIONS.items():
        for section in sections.values():
            assert section.title == "the file" or section.mapping.get("examples"), (file, section.title)


VALUES = [
    ("routes.yaml", "Match", "method", "GET", "PURGE"),
    ("routes.yaml", "Stream", "content_type", "application/json", "text/x"),
    ("routes.test.yaml", "Request", "method", "GET", "PURGE"),
]


@pytest.mark.parametrize(("file", "model", "key", "common", "other"), VALUES)
def test_common_values_forbid_no_others(file: str, model: str, key: str, common: str, other: str) -> None:
    node = FOR_EDITORS[file]["$defs"][model]["properties"][key]
    assert f"'{common}'" in str(node)
    validator = Draft202012Validator(node)
    assert validator.is_valid(common) and validator.is_valid(other) and not validator.is_valid("a\u00e9 b")
