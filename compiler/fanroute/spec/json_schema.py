"""Generates the JSON Schema of routes.yaml, and of other files with models. Pure.

It accepts every valid file, and refuses keys and values that are wrong by themselves. It does not check references between
values, such as the name of a backend: `fanroute check` does.
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


def routes_schema() -> dict[str, Any]:
    """Returns the JSON Schema of routes.yaml as plain data."""
    return schema_of(Spec, "routes.yaml")


def included_schema() -> dict[str, Any]:
    """Returns the JSON Schema of a file that routes.yaml includes: a list of routes, none of which includes another file."""
    whole = routes_schema()
    route = whole["$defs"]["Route"]
    del route["properties"]["include"], route["dependentSchemas"]
    route["oneOf"] = [choice for choice in route["oneOf"] if choice["required"] != ["include"]]
    return whole | {
        "title": "a file that routes.yaml includes",
        "description": "A list of routes, which stand in the place of the item that includes the file.",
        "properties": {"routes": whole["properties"]["routes"]},
        "required": ["routes"],
    }


def schema_of(model: type[Model], file: str) -> dict[str, Any]:
    """Returns the JSON Schema of a file as plain data, from the model of the whole file and the file's name."""
    return {"$schema": _Generator.schema_dialect, "title": file, **model.model_json_schema(schema_generator=_Generator)}


def key_descriptions(model: type[Model]) -> dict[str, str]:
    """Returns the description of each key of a model, on one line.

    They are read from the docstrings in the source, so commands that do not need them do not load them.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__[: model.__mro__.index(Model)]):
        (definition,) = ast.parse(inspect.getsource(base)).body
        for key, text in pairwise(ast.iter_child_nodes(definition)):
            match key, text:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(description))):
                    found[name] = " ".join(description.split())
    return found


class _Generator(GenerateJsonSchema):
    """Adapts pydantic's generator to what users write: with short forms, without nulls and without names from Python."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        return value  # so that examples have their keys in the order in which people write them

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def generate(self, schema: core_schema.CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        whole: JsonSchemaValue = _on_one_line(super().generate(schema, mode))
        return whole

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = super().model_schema(schema)
        model.pop("title", None)
        for key, description in key_descriptions(schema["cls"]).items():
            model["properties"][key]["description"] = description
        return model

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        field = super().default_schema(schema)
        if field.get("default") in (None, "", []) or isinstance(field["default"], dict):
            field.pop("default", None)
        return field

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        return {"anyOf": [self.generate_inner(choice) for choice in schema["choices"].values()]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        names = self.generate_inner(schema["keys_schema"])
        mapping = {"type": "object", "propertyNames": names, "additionalProperties": self.generate_inner(schema["values_schema"])}
        self.update_with_validations(mapping, schema, self.ValidationsMapping.object)
        return mapping

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        if schema["function"]["function"] is as_list:
            items = self.generate_inner(schema["schema"])
            item = items["items"]
            return {"anyOf": [*item.get("anyOf", [item]), items]}
        assert "json_schema_input_schema" in schema, "a short form needs a json_schema_input_type"
        return self.generate_inner(schema["json_schema_input_schema"])


def _on_one_line(node: Any) -> Any:
    """Returns a part of the schema with each description on one line."""
    if isinstance(node, dict):
        return {k: " ".join(v.split()) if k == "description" and isinstance(v, str) else _on_one_line(v) for k, v in node.items()}
    return [_on_one_line(item) for item in node] if isinstance(node, list) else node
