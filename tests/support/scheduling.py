"""Tells pytest-xdist which tests follow each other in one process: those of a file, and those of an edge that files share."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_EDGE_PARAM = re.compile(r"[\[-](embedded|viceroy|older)[]-]")


class SharedEdges(LoadScopeScheduling):
    """Groups tests so that each process starts a file's fixtures once, and only one process starts a shared edge."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        edge = _shared_edges(self.config.rootpath / file).get(test.partition("[")[0])
        param = _EDGE_PARAM.search(test)
        return f"{edge} {param.group(1)}" if edge and param else file


@cache
def _shared_edges(file: Path) -> dict[str, str]:
    """Returns the edge of each test of a file that has one which is not the file's own, by the test's name.

    A file's own edges are assigned in it: `auth_edge = edge_of("auth")`.
    """
    statements = ast.parse(file.read_bytes()).body
    own = {ast.unparse(target) for node in statements if isinstance(node, ast.Assign) for target in node.targets}
    return {
        node.name: argument.arg
        for node in statements
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
        if argument.arg.endswith("edge") and argument.arg not in own
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedEdges:
    return SharedEdges(config, log)
