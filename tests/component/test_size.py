"""Tests the structure and the size of the component of the repository's own routes.yaml."""

import gzip
import inspect
import random
from ipaddress import IPv4Address

import pytest

from fanroute.project.workspace import Workspace
from fanroute.wasm.flatten.linking import ModuleInstance, read_core_definitions
from fanroute.wasm.flatten.module import read_module
from fanroute_runtime import decide, plan
from tests.support.budget import Budget

# The same files make slightly different components, because Python's hashes differ.
SPREAD = 0.01


@pytest.mark.budget
def test_the_size_of_the_component(own_project: Workspace, budget: Budget) -> None:
    wasm = own_project.read_wasm()
    core = read_core_definitions(wasm)
    instances = [instance for instance in core.instances if isinstance(instance, ModuleInstance)]
    modules = [read_module(module) for module in core.modules]
    exports = sum(len(modules[instance.module].exports) for instance in instances)
    budget.check("linked for each sandbox", {"core instances": len(instances), "exports": exports})
    budget.check("component", {"bytes": len(wasm), "gzip -9, bytes": len(gzip.compress(wasm, 9))}, SPREAD)


def test_what_nobody_reads_there_is_not_carried(own_project: Workspace) -> None:
    """Docstrings of functions, properties and modules are not in the component, nor are annotations or the module `random`."""
    wasm = own_project.read_wasm()
    read = (decide.respond, plan, IPv4Address.packed, random)
    for text in (inspect.cleandoc(each.__doc__ or "").partition("\n")[0] for each in read):
        assert len(text) > 20
        assert text.encode() not in wasm, text
    assert wasm.count(b".__annotate__") < 30, "Python evaluates annotations in a function of this name"
    assert plan.Respond.__name__.encode() in wasm
