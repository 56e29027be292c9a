"""Tests the import rules of compiler and runtime on the syntax trees, and that each effect has one module."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from fanroute.bundle import toolchain
from fanroute.project.package_files import module_sources

REPOSITORY = Path(__file__).parents[2]
COMPILER = REPOSITORY / "compiler" / "fanroute"
RUNTIME = REPOSITORY / "runtime" / "fanroute_runtime"
HOST_BINDINGS = {"wit_world", "componentize_py_types", "componentize_py_runtime"}
# The runtime modules that use them: one reads, one plays the host at build time, one imports the native module, one is exported
# until there are routes, five have effects.
CALL_THE_HOST = {
    *("compute.base", "compute.edge", "compute.logs", "compute.publishing", "compute.rates", "compute.request"),
    *("compute.sandbox", "jose.native", "snapshot.warm"),
}
# The module of the compiler that uses them with a host of its own.
INTERPRETER = "host.interpreted"

# The packages of `fanroute`, and one module. Each imports only from lines below its own.
LAYERS = """
cli
console editor
bundle routetests formatting foreign client doctor
pipeline devserver
lowering rules codegen project
spec analysis host native
syntax plan wasm
diagnostics
"""
RUNTIME_LAYERS = """
compute
log_lines
explain
decide
choose snapshot
auth rewriting limiter
grip
http jose
matching routes_file local blocks
messages
plan
"""

# Effects that only one module may have, as the names that cause them.
ONLY = {
    "project.processes": {"subprocess", "create_subprocess_exec", "system", "Popen", "killpg"},
    "cli.output": {"print", "exit", "_exit", "stdout", "stderr", "stdin"},
    "project.folder": {"write_text", "write_bytes", "read_bytes", "open", "unlink", "rmtree", "touch"},
    # It reads only the package's own files.
    "project.package_files": {"read_text"},
}
# `processes` reads its child's output, and prints nothing.
ALLOWED = {("project.processes", "stdout")}


def modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    """Yields the name and code of each module. Those of templates are the user's."""
    for path in sorted(set(folder.rglob("*.py")) - set((folder / "templates").rglob("*.py"))):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    """Yields the modules that a module imports, also in functions. `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class WithoutTypeChecking(ast.NodeTransformer):
    """Removes what only type checkers read."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node


def within(package: str, tree: ast.Module, known: set[str]) -> set[str]:
    """Returns the modules of a package that a module imports, without the package's name."""
    names = {name.removeprefix(f"{package}.") for name in imports(tree) if name.startswith(f"{package}.")}
    return names & known


LAYERED = pytest.mark.parametrize(
    ("folder", "layers"), [(COMPILER, LAYERS), (RUNTIME, RUNTIME_LAYERS)], ids=["fanroute", "runtime"]
)


@LAYERED
def test_imports_go_down(folder: Path, layers: str) -> None:
    floors = {room: floor for floor, line in enumerate(layers.split("\n")) for room in line.split()}
    found = {name: tree for name, tree in modules(folder) if name not in ("", "__main__")}
    assert {room_of(name) for name in found} == set(floors), "every room has its place in the table"
    for name, tree in found.items():
        others = {room_of(other) for other in within(folder.name, tree, set(found))} - {room_of(name)}
        wrong = sorted(other for other in others if floors[other] <= floors[room_of(name)])
        assert not wrong, f"{folder.name}.{name} imports from {wrong}, which are not below it"


def test_the_page_has_the_same_table() -> None:
    rows = re.findall(r"^\| \d+ \| (.*) \|$", (REPOSITORY / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert [row.replace("`", "") for row in rows] == [*LAYERS.split("\n")[1:-1], *RUNTIME_LAYERS.split("\n")[1:-1]]


@LAYERED
def test_no_module_imports_itself_by_others(folder: Path, layers: str) -> None:
    """An import for type checkers only does not count, because nothing runs it."""
    found = {name: WithoutTypeChecking().visit(tree) for name, tree in modules(folder)}
    graph = {name: within(folder.name, tree, set(found)) - {name} for name, tree in found.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


def room_of(name: str) -> str:
    return name.partition(".")[0]


def test_the_runtime_imports_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"fanroute_runtime"}
    for name, tree in modules(RUNTIME):
        roots = {imported.partition(".")[0] for imported in imports(tree)}
        others = roots - allowed - (HOST_BINDINGS if name in CALL_THE_HOST else set())
        assert not others, f"fanroute_runtime.{name} imports {sorted(others)}"


def test_the_key_of_a_component_covers_what_flattens_it() -> None:
    """The key covers each module that takes part, and its imports, except packages that only read, write or run for it."""
    covered = {name.removeprefix("fanroute.") for name in module_sources(*toolchain.FLATTENING)}
    assert {"bundle.toolchain", "wasm.flatten.joining"} <= covered
    trees = dict(modules(COMPILER))
    for name in covered:
        others = {room_of(other) for other in within("fanroute", trees[name], set(trees)) - covered}
        beside = {"codegen", "project"} if name == "bundle.toolchain" else set()
        assert others <= beside, f"{name}: {sorted(others)} do not count in the key"


def test_the_compiler_calls_no_host() -> None:
    for name, tree in modules(COMPILER):
        roots = {imported.partition(".")[0] for imported in imports(tree)}
        assert not roots & HOST_BINDINGS, f"fanroute.{name} imports the host's bindings"
        callers = {f"fanroute_runtime.{caller}" for caller in CALL_THE_HOST} & set(imports(tree))
        assert not callers or name == INTERPRETER, f"fanroute.{name} imports {sorted(callers)}"


def names(tree: ast.Module) -> set[str]:
    """Returns the names that a module calls or takes from others."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        elif isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            found.add(node.attr)
    return found | {part for name in imports(tree) for part in name.split(".")}


@pytest.mark.parametrize("owner", ONLY)
def test_each_effect_has_one_module(owner: str) -> None:
    for folder in (COMPILER, RUNTIME):
        for name, tree in modules(folder):
            if (folder, name) == (COMPILER, owner) or (folder == RUNTIME and name in CALL_THE_HOST):
                continue
            used = {effect for effect in names(tree) & ONLY[owner] if (name, effect) not in ALLOWED}
            assert not used, f"{folder.name}.{name} uses {sorted(used)}, which is {owner}'s"
