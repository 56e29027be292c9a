"""Prepares the JSON Schema of routes.test.yaml for editors. Pure."""

from fanroute.routetests.document import RouteTests
from fanroute.spec.editor_schema import editor_schema
from fanroute.spec.json_schema import schema_of
from fanroute.spec.reference_page import Schema, Section

# Where the keys of each section are documented.
_PAGE = "docs/testing.md"
_HEADINGS = {"request": "#describe-a-request", "expect": "#describe-the-outcome"}


def route_tests_schema() -> Schema:
    """Returns the JSON Schema of routes.test.yaml as plain data."""
    return schema_of(RouteTests, "routes.test.yaml")


def route_tests_editor_schema() -> Schema:
    """Returns the JSON Schema of routes.test.yaml for editors. Each key names the part of the guide that describes it."""
    return editor_schema(route_tests_schema(), _address)


def _address(section: Section, _key: str) -> str:
    return _PAGE + _HEADINGS.get(section.title, "")
