"""Tests which runtime modules an app gets."""

import ast

import pytest

from fanroute.codegen.app_module import RUNTIME, _imported_modules
from fanroute.project.package_files import runtime_sources

SOURCES = runtime_sources()


@pytest.mark.parametrize("name", SOURCES)
def test_imports_are_found_as_in_the_syntax_tree(name: str) -> None:
    """A module that is not found would be missing in the component."""
    imports = [node for node in ast.parse(SOURCES[name]).body if isinstance(node, ast.ImportFrom)]
    own = [node for node in imports if str(node.module).startswith(RUNTIME)]
    expected = {each for node in own for each in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))}
    assert _imported_modules(SOURCES[name]) & SOURCES.keys() == expected & SOURCES.keys()
    assert not [
        node for node in ast.walk(ast.parse(SOURCES[name])) if isinstance(node, ast.Import) and RUNTIME in ast.unparse(node)
    ]
