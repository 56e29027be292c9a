"""What the component of the repository's own routes.yaml is made of, and how large it is."""

import gzip

import pytest

from fanroute.flatten.linking import Instantiated, read_core_half
from fanroute.flatten.module import read_module
from fanroute.workspace import Workspace
from tests.budget import Budget

# The same files make components that differ a little: Python's hashes are others in each.
SPREAD = 0.01


@pytest.mark.budget
def test_the_size_of_the_component(own_project: Workspace, budget: Budget) -> None:
    wasm = own_project.read_wasm()
    half = read_core_half(wasm)
    instances = [instance for instance in half.instances if isinstance(instance, Instantiated)]
    modules = [read_module(module) for module in half.modules]
    exports = sum(len(modules[instance.module].exports) for instance in instances)
    budget.check("linked for each sandbox", {"core instances": len(instances), "exports": exports})
    budget.check("component", {"bytes": len(wasm), "gzip -9, bytes": len(gzip.compress(wasm, 9))}, SPREAD)
