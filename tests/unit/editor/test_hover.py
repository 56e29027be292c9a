"""Tests the explanations of keys, and that each example in them is a value that the key takes."""

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from lsprotocol import types

from fanroute.editor.document import Document
from fanroute.editor.hover import hover_at
from fanroute.editor.language import Schema, language_of
from fanroute.editor.positions import Positions
from fanroute.spec.json_schema import routes_schema

SCHEMA = routes_schema()


def explained(text: str) -> str:
    """Returns the explanation at the `|` of a text."""
    offset = text.index("|")
    text = text.replace("|", "", 1)
    document = Document("file:///routes.yaml", Path("/routes.yaml"), Positions(text))
    hover = hover_at(document, document.positions.between(offset, offset).start)
    if hover is None:
        return ""
    assert isinstance(hover.contents, types.MarkupContent)
    return hover.contents.value


def keys() -> Iterator[tuple[str, Schema]]:
    """Yields every key of the language, with its node."""
    for name, mapping in {"": SCHEMA, **SCHEMA["$defs"]}.items():
        yield from ((f"{name}.{key}", node) for key, node in mapping["properties"].items())


@pytest.mark.parametrize("node", [pytest.param(node, id=key) for key, node in keys()])
def test_each_example_is_one(node: Schema) -> None:
    jsonschema.validate(language_of("routes").example_of(node), node | {"$defs": SCHEMA["$defs"]})


def test_a_key_is_explained_with_value_meaning_and_example() -> None:
    assert explained("routes:\n  - sse: {chan|nel: x}\n").startswith(
        "`channel`: a channel, or a mapping, or a list of 20 at most, each a channel, or a mapping, **required**\n\n"
        "One channel or up to 20. They can contain what the match binds, such as `{room}`.\n\n"
        "```yaml\nchannel: "
    )


@pytest.mark.parametrize("text", ["routes:\n  - handoff: or|igin\n", "routes:\n  - han|doff: origin\n"])
def test_a_value_is_explained_by_its_key(text: str) -> None:
    assert explained(text).startswith("`handoff`: ")


@pytest.mark.parametrize("text", ["unkn|own: 1\n", "version: 1 # a co|mment\n", "\n|\n", "routes:\n  - sse: {nothi|ng: x}\n"])
def test_nothing_else_is_explained(text: str) -> None:
    assert explained(text) == ""
