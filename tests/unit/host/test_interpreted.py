"""The stand-ins for the bindings of Fastly's host, and the sandboxes that run in this process."""

import ast
import threading
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from fanroute.bundle.toolchain import COMPONENTIZE, WORLD, installed_program
from fanroute.host.exchange import Exchange, HostError
from fanroute.host.interpreted import _INTERFACES, InterpretedComponent
from fanroute.pipeline import compile_routes
from fanroute.project import processes
from fanroute.project.package_files import wit_folder
from tests.conftest import INPUTS

ROUTES = b"""\
version: 1
service: {name: test}
backends: {origin: {url: "https://app.example.com"}}
routes:
  - match: {path: "/{page}"}
    redirect: {status: 302, location: "/at/{page}"}
"""
PLAN = compile_routes(ROUTES, INPUTS).plan


def test_the_stand_ins_have_what_the_bindings_have(tmp_path: Path) -> None:
    """The bindings are those that componentize-py makes of the WIT."""
    processes.run([installed_program(COMPONENTIZE), "-q", "-d", wit_folder(), "-w", WORLD, "bindings", tmp_path / "made"])
    files = [path for path in (tmp_path / "made" / "wit_world" / "imports").glob("*.py") if path.stem != "__init__"]
    assert {path.stem.replace("_", "-") for path in files} == set(_INTERFACES) - {"http-types"}
    compared = 0
    for path in files:
        stand_in: Any = _INTERFACES[path.stem.replace("_", "-")]
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                assert callable(vars(stand_in)[node.name])
            elif isinstance(node, ast.ClassDef):
                of_class = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
                assert {name for name in of_class if not hasattr(getattr(stand_in, node.name), name)} == set()
                members = [each.targets[0].id for each in node.body if isinstance(each, ast.Assign)]  # type: ignore[attr-defined]
                made = getattr(stand_in, node.name)
                assert members == ([each.name for each in made] if isinstance(made, type) and issubclass(made, Enum) else [])
            else:
                continue
            compared += 1
    assert compared > 60


def test_a_request_is_served() -> None:
    exchange = Exchange("http://localhost/a", [], frozenset())
    assert InterpretedComponent(PLAN).handle(exchange)
    assert exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.headers) == (302, [("location", b"/at/a")])


def test_a_bug_of_the_host_ends_the_sandbox() -> None:
    """As in a component, whose code cannot catch it."""

    def fail(name: str, call: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        InterpretedComponent(PLAN, fail).handle(Exchange("http://localhost/a", [], frozenset()))


def test_it_fails_if_no_answer_can_be_sent() -> None:
    def fail(name: str, call: Any) -> Any:
        if name == "http-resp.send-downstream":
            raise HostError("generic-error")
        return call()

    exchange = Exchange("http://localhost/a", [], frozenset())
    assert not InterpretedComponent(PLAN, fail).handle(exchange)
    assert exchange.answer is None


def test_sandboxes_at_once_have_nothing_of_each_other() -> None:
    """All read their request before one of them answers."""
    size = 8
    barrier = threading.Barrier(size, timeout=20)

    def meet(name: str, call: Any) -> Any:
        if name == "http-resp.response.new":
            barrier.wait()
        return call()

    component = InterpretedComponent(PLAN, meet)
    exchanges = [Exchange(f"http://localhost/{number}", [], frozenset()) for number in range(size)]
    threads = [threading.Thread(target=component.handle, args=[exchange]) for exchange in exchanges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [exchange.answer.headers if exchange.answer else None for exchange in exchanges]
    assert answers == [[("location", f"/at/{number}".encode())] for number in range(size)]
