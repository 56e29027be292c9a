"""Compares everything that a routes.yaml compiles to with its golden folder. `pytest --update` rewrites the expected files."""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fanroute.bundle.builder import app_files
from fanroute.cli.catalog import CODES
from fanroute.cli.codes_page import diagnose_tests
from fanroute.codegen.app_module import emit
from fanroute.codegen.constants import with_constant_instructions
from fanroute.devserver.config import host_entries
from fanroute.diagnostics import text_report
from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, fails
from fanroute.pipeline import Compiled, check_routes, compile_routes
from fanroute.plan.routes import rewrite_of
from fanroute.plan.trace import guard_for, handlers_for
from fanroute.project.fastly_toml import make_command, update
from fanroute.project.workspace import manifest_name
from fanroute.routetests.coverage import coverage_text, measure_coverage
from fanroute.routetests.judge import counts_text, judge, passed_requests
from fanroute.routetests.read import read_tests
from fanroute.spec.document import PRODUCTION
from fanroute_runtime import plan as plan_module
from fanroute_runtime.plan import Forward, Plan, Route
from fanroute_runtime.plan.caching import CachePolicy
from fanroute_runtime.routes_file import LazyRoutes
from tests.conftest import REPOSITORY, inputs_of

CASES = sorted(path.parent for path in (REPOSITORY / "tests" / "golden" / "cases").glob("*/routes.yaml"))


def made(folder: Path) -> dict[str, str]:
    """Returns all outputs of a case, by the name of the file that holds the expected one."""
    raw = (folder / "routes.yaml").read_bytes()
    if (folder / "routes.test.yaml").exists():
        return {"tests.txt": _test_report(folder, raw)}
    try:
        checked = check_routes(raw, inputs_of(folder))
    except Invalid as invalid:
        return _diagnostics_file(invalid.diagnostics, raw, folder)
    found = _diagnostics_file(checked.diagnostics, raw, folder)
    if fails(checked.diagnostics):
        return found
    for compiled in checked.compiled.values():
        found |= _built(compiled)
    return found


def _built(compiled: Compiled) -> dict[str, str]:
    """Returns the files that are built in an environment. Their names begin with that, unless it is production."""
    files = app_files(compiled.plan)
    environment = compiled.environment
    prefix = "" if environment == PRODUCTION else f"{environment}."
    return {
        f"{prefix}app.py": files["app.py"],
        f"{prefix}routes.jsonl": files["routes.jsonl"],
        f"{prefix}files.txt": "".join(f"{name}\n" for name in sorted(files)),
        manifest_name(environment): update(
            None,
            compiled.plan.service,
            compiled.backends,
            make_command(environment),
            compiled.has_tunnels,
            host_entries(compiled.plan.routes, compiled.loopback_host),
            limits=compiled.has_limits,
            log_endpoint=compiled.plan.logs.endpoint if compiled.plan.logs else "",
        ),
    }


def _diagnostics_file(diagnostics: Sequence[Diagnostic], raw: bytes, folder: Path) -> dict[str, str]:
    if not diagnostics:
        return {}
    others = {one.span.file: _text_of(folder / one.span.file) for one in diagnostics if one.span.file}
    return {"diagnostics.txt": text_report.render(diagnostics, "routes.yaml", raw.decode(errors="replace"), others) + "\n"}


def _text_of(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


def _test_report(folder: Path, raw: bytes) -> str:
    """Returns the reports on a routes.test.yaml and its routes, the counts of passed tests, and the coverage."""
    tests = (folder / "routes.test.yaml").read_bytes()
    of_tests, of_routes = diagnose_tests(raw, tests, inputs_of(folder))
    parts = [
        text_report.render(of_tests, "routes.test.yaml", tests.decode()),
        text_report.render(of_routes, "routes.yaml", raw.decode()),
    ]
    compiled = compile_routes(raw, inputs_of(folder))
    with suppress(Invalid):
        judged = judge(read_tests(tests, compiled), compiled)
        parts += [counts_text(judged), coverage_text(measure_coverage(compiled, passed_requests(judged)))]
    return "".join(f"{part}\n" for part in parts if part)


def evaluated(files: dict[str, str]) -> Plan:
    """Evaluates the Plan of an emitted module. The module is made of literals only; the routes are in a file next to it."""
    known = vars(plan_module) | {"__builtins__": {}, "ROUTES": tuple(LazyRoutes(files["routes.jsonl"].encode()))}
    (plan,) = [
        eval(compile(ast.Expression(node.value), "app.py", "eval"), known)
        for node in ast.parse(files["app.py"]).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "PLAN"
    ]
    assert isinstance(plan, Plan)
    return plan


def cache_of(route: Route) -> CachePolicy | None:
    return route.action.cache if isinstance(route.action, Forward) else None


def shipped(plan: Plan) -> Plan:
    """Returns a Plan as it is emitted, with instructions that are computed at build time. Its `logs` are emitted beside it."""
    return replace(plan, routes=tuple(map(with_constant_instructions, plan.routes)), logs=None)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, request: pytest.FixtureRequest) -> None:
    files = made(folder)
    sources = ("routes.yaml", "routes.test.yaml")
    expected = {path.name: path for path in folder.iterdir() if path.is_file() and path.name not in sources}
    if request.config.getoption("--update"):
        for path in expected.values():
            path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text)
    else:
        assert {name: path.read_text() for name, path in expected.items()} == files


def test_the_repositorys_own_is_a_case() -> None:
    assert (REPOSITORY / "tests/golden/cases/starter-kit/routes.yaml").read_text() == (REPOSITORY / "routes.yaml").read_text()


def test_every_code_has_a_case() -> None:
    outputs = "".join(text for folder in CASES for text in made(folder).values())
    missing = {code for code in CODES if f"[{code}]: " not in outputs}
    assert missing == {"FR101", "FR270", "FR511", "FR512", "FR517"}, (
        "of a file or environment that is not there, and of a local edge: tests/cli/test_cli.py, tests/e2e"
    )


@pytest.mark.parametrize("folder", [folder for folder in CASES if (folder / "app.py").exists()], ids=lambda folder: folder.name)
def test_what_is_emitted_is_the_plan(folder: Path) -> None:
    compiled = compile_routes((folder / "routes.yaml").read_bytes(), inputs_of(folder))
    files = app_files(compiled.plan)
    module = files["app.py"]
    assert evaluated(files) == shipped(compiled.plan)
    routes = compiled.plan.routes
    used: set[type] = {type(route.action) for route in routes}
    for action, handler in handlers_for(compiled.plan.routes).items():
        assert (f"{action.__name__}: {handler.__name__}" in module) == (action in used)
    assert ("fanroute_runtime/grip/websocket.py" in files) == (plan_module.WebSocket in used)
    auths = {route.auth for route in routes if route.auth}
    only_if_needed = {
        f"guards=Guards(PLAN, {guard_for(auths).__name__})": ("auth", bool(auths)),
        "secret_headers=SecretHeaders()": ("http/secret_headers", any(route.secret_headers for route in routes)),
        "override_cache=override_cache": (
            "plan/caching",
            any(cache_of(route) for route in routes),
        ),
        "rewriter=Rewriter(PLAN.refused_paths)": ("plan/rewriting", any(rewrite_of(route.action) for route in routes)),
        "limiter=Limiter(PLAN.service, check_rate)": ("compute/rates", any(route.limit for route in routes)),
    }
    for argument, (part, needed) in only_if_needed.items():
        assert (argument in module, any(name.startswith(f"fanroute_runtime/{part}") for name in files)) == (needed, needed)
    assert ("fanroute_runtime/plan/auth.py" in files) == bool(auths)


def test_only_what_is_reached_ships() -> None:
    """A module ships with the packages that contain it."""
    empty = ("", ".compute", ".compute.unused", ".routes_file", ".plan", ".a", ".a.b", ".c", ".c.unused")
    runtime = {f"fanroute_runtime{name}": "" for name in empty}
    runtime["fanroute_runtime.compute.edge"] = "from fanroute_runtime.a.b import x"
    files = emit(Plan("x", ()), (), runtime)
    assert set(files) == {
        "app.py",
        "routes.jsonl",
        *(f"fanroute_runtime/{name}__init__.py" for name in ("", "compute/", "a/")),
        *(f"fanroute_runtime/{name}.py" for name in ("compute/edge", "a/b", "plan", "routes_file")),
    }


def test_the_same_input_gives_the_same_bytes() -> None:
    """The bytes are also the same in other processes, which order their sets differently."""
    code = (
        "import sys; from tests.golden.test_cases import CASES, made; sys.stdout.write(repr([made(folder) for folder in CASES]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert outputs == {repr([made(folder) for folder in CASES]).encode()}
