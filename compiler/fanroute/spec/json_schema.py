"""The JSON Schema of routes.yaml, for editors, from the models. Pure.

It takes all that the language takes, and refuses what can be told of a key or value by itself: what a backend, a
channel or a name refers to is `fanroute check`'s to say.
Source: https://json-schema.org/draft/2020-12
"""

import ast
import inspect
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from fanroute.spec.document import Spec
from fanroute.spec.types import Model, as_list

# The schema's file beside a routes.yaml, and the line there that tells editors of it.
SCHEMA_FILE = "routes.schema.json"
MODELINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"


def routes_schema() -> dict[str, Any]:
    """The schema, as plain data."""
    return {"$schema": _Generator.schema_dialect, "title": "routes.yaml", **Spec.model_json_schema(schema_generator=_Generator)}


def key_descriptions(model: type[Model]) -> dict[str, str]:
    """What each key of a model means, on one line, as its source says: what is for readers is read when they ask."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__[: model.__mro__.index(Model)]):
        (written,) = ast.parse(inspect.getsource(base)).body
        for key, text in pairwise(ast.iter_child_nodes(written)):
            match key, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(meaning))):
                    found[name] = " ".join(meaning.split())
    return found


class _Generator(GenerateJsonSchema):
    """pydantic's, for what a user writes: short forms too, no nulls, and no names of Python's."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        whole: JsonSchemaValue = _on_one_line(super().generate(schema, mode))
        return whole

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = super().model_schema(schema)
        model.pop("title", None)
        for key, meaning in key_descriptions(schema["cls"]).items():
            model["properties"][key]["description"] = meaning
        return model

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        field = super().default_schema(schema)
        if field.get("default") in (None, "", []) or isinstance(field["default"], dict):
            field.pop("default", None)
        return field

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        names = self.generate_inner(schema["keys_schema"])
        mapping = {"type": "object", "propertyNames": names, "additionalProperties": self.generate_inner(schema["values_schema"])}
        self.update_with_validations(mapping, schema, self.ValidationsMapping.object)
        return mapping

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        if schema["function"]["function"] is as_list:
            items = self.generate_inner(schema["schema"])
            return {"anyOf": [items["items"], items]}
        assert "json_schema_input_schema" in schema, "a short form says what it takes, as its json_schema_input_type"
        return self.generate_inner(schema["json_schema_input_schema"])


def _on_one_line(node: Any) -> Any:
    """The same, with each description on one line."""
    if isinstance(node, dict):
        return {k: " ".join(v.split()) if k == "description" and isinstance(v, str) else _on_one_line(v) for k, v in node.items()}
    return [_on_one_line(item) for item in node] if isinstance(node, list) else node
