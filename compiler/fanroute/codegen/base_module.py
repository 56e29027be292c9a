"""Writes the main module of a base: an app with all modules that a Plan needs, which takes the Plan itself later. Pure."""

import ast
from collections.abc import Mapping

APP_MODULE = "app"
# The routes are in a file of their own: compiling a module with many routes would leave garbage in the snapshot.
APP_FILE, ROUTES_FILE = MAIN_FILES = f"{APP_MODULE}.py", "routes.jsonl"
RUNTIME = "fanroute_runtime"
# The runtime's module that exports the classes of a base.
BASE_MODULE = f"{RUNTIME}.compute.base"


def emit_base(files: Mapping[str, str], runtime: Mapping[str, str]) -> dict[str, str]:
    """Returns the files of a base, by relative path: the modules of an app without what depends on its routes.

    Args:
        files: the files that `app_module.emit` has made.
        runtime: the source of each module of fanroute_runtime, by its dotted name.
    """
    statements = ast.parse(files[APP_FILE]).body
    imported = {str(node.module) for node in statements if isinstance(node, ast.ImportFrom)}
    lines = [*(f"import {name}\n" for name in sorted(imported)), f"from {BASE_MODULE} import Decisions, HttpIncoming\n"]
    modules = {name: text for name, text in files.items() if name not in MAIN_FILES}
    return modules | {APP_FILE: "".join(lines), f"{BASE_MODULE.replace('.', '/')}.py": runtime[BASE_MODULE]}
