"""The import rules of the two halves, on the syntax trees: who may import whom, and who alone may do what."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanroute import bundle, workspace

REPOSITORY = Path(__file__).parent.parent
COMPILER = REPOSITORY / "compiler" / "fanroute"
RUNTIME = REPOSITORY / "runtime" / "fanroute_runtime"
HOST_BINDINGS = {"wit_world", "componentize_py_types", "componentize_py_runtime"}
# The modules of the runtime that know them: one reads, one plays the host when building, two have effects too.
CALL_THE_HOST = {"host", "warm", "sandbox", "edge"}

# What `bundle` imports that has no part in what a flattened component is.
BESIDE_FLATTENING = {"emit", "errors", "folder", "programs", "workspace"}

# Modules of `fanroute` from the one that imports none of the others to the one that imports all: arrows go one way.
ORDER = """
rules.rule rules.reading rules.meaning rules.passing rules.reach rules.channels rules.advice rules.testing rules.building
rules.trust printable shell diagnostics errors report report_json work
plan_backend plan_routes plan_references plan_handlers
environment places source template placeholders automata model mends paths values headers validation origins
conditions cors passing
subscriptions websocket endpoints keys auth sandbox spec schema
reference parts patterns delivery defaults action_checks header_checks cors_checks key_checks auth_checks checks
inputs match_lowering keyring actions sharing fingerprints lower packing ready emit
signing local trace tokens redaction listing
channels.languages channels.ambiguity channels.values channels.advice channels
reach.sets reach.box reach.index reach.refused reach.search reach.routes reach.answer reach.overlap reach.request reach.advice
reach.difference reach.told links reach openness foreign_pages
caching hijacking locations misreadings other_routers misplaced advice samples local_hosts
pipeline local.grip testing testing.language testing.reading testing.places testing.outcome testing.judging
testing.coverage testing.agreement rules rulebook manifest stores folder cache workspace programs
binary component flatten.module flatten.code flatten.linking flatten.shim flatten.graph flatten.spaces flatten.reach
flatten.image flatten.lasting flatten.joining flatten bundle local.exchange local.host smoke build guide
local.load local.guard local.pushpin local.install local.pushpin_json local.items local.instructions local.patching local.filters
local.channels local.bodies local.holds
local.clients local.fanout
local.upstream local.tunnel local.publishing local.sockets local.sandboxes local.server local.viceroy
testing.recorder testing.live
scalars comments layout formatting starting
cli.terminal cli.given cli.edges cli.checking cli.asking cli.comparing cli.testing cli.serving cli.writing
cli.starting cli.explaining cli.completing cli __main__
"""
RUNTIME_ORDER = """
plan packed exchange local paths headers media_types pattern_syntax pattern match matcher grip pin client origins
jwt spki p256 hs256 rs256 es256 keys authorization signature choose websocket cors onward decide
lasting heap host warm sandbox resources edge
"""

# What only one module may do, as the names that do it.
ONLY = {
    "programs": {"subprocess", "create_subprocess_exec", "system", "Popen", "killpg"},
    "cli.terminal": {"print", "exit", "_exit", "stdout", "stderr", "stdin"},
    "folder": {"write_text", "write_bytes", "read_bytes", "open", "unlink", "rmtree", "touch"},
    # Of the package's own files alone.
    "workspace": {"read_text"},
}
# `programs` reads its child's output, which is no printing.
ALLOWED = {("programs", "stdout")}


def modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, wherever in it; `from a import b` as `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(package: str, tree: ast.Module, known: set[str]) -> set[str]:
    """The modules of a package that a module imports, without the package's name."""
    names = {name.removeprefix(f"{package}.") for name in imports(tree) if name.startswith(f"{package}.")}
    return names & known


@pytest.mark.parametrize(
    ("folder", "modules_in_order"), [(COMPILER, ORDER), (RUNTIME, RUNTIME_ORDER)], ids=["fanroute", "runtime"]
)
def test_imports_go_one_way(folder: Path, modules_in_order: str) -> None:
    package, order = folder.name, modules_in_order.split()
    found = {name: tree for name, tree in modules(folder) if name}
    assert set(found) == set(order), "every module has its place in the order"
    for name, tree in found.items():
        later = {other for other in within(package, tree, set(order)) if order.index(other) >= order.index(name)} - {name}
        assert not later, f"{package}.{name} imports {sorted(later)}, which stand after it"


def test_the_runtime_imports_the_standard_library_only() -> None:
    allowed = sys.stdlib_module_names | {"fanroute_runtime"}
    for name, tree in modules(RUNTIME):
        roots = {imported.partition(".")[0] for imported in imports(tree)}
        others = roots - allowed - (HOST_BINDINGS if name in CALL_THE_HOST else set())
        assert not others, f"fanroute_runtime.{name} imports {sorted(others)}"


def test_the_key_of_a_component_covers_what_flattens_it() -> None:
    """Each module that takes part, with what it imports; but for those that only read, write and run for it."""
    covered = {name.removeprefix("fanroute.") for name in workspace.sources(*bundle.FLATTENING)}
    assert "bundle" in covered
    trees = dict(modules(COMPILER))
    for name in covered:
        others = within("fanroute", trees[name], set(trees)) - covered
        assert others <= (BESIDE_FLATTENING if name == "bundle" else set()), f"{sorted(others)} do not count in the key"


def test_the_compiler_calls_no_host() -> None:
    for name, tree in modules(COMPILER):
        roots = {imported.partition(".")[0] for imported in imports(tree)}
        assert not roots & HOST_BINDINGS, f"fanroute.{name} imports the host's bindings"
        callers = {f"fanroute_runtime.{caller}" for caller in CALL_THE_HOST} & set(imports(tree))
        assert not callers, f"fanroute.{name} imports {sorted(callers)}"


def names(tree: ast.Module) -> set[str]:
    """The names that a module calls or takes from others."""
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
