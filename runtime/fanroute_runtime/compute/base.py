"""Takes routes into the memory of a base: a component with all modules that its routes need, but without routes.

componentize-py makes a base. The build runs it for each routes.yaml with the functions below, and keeps the memory that results.
"""

import json
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import http_req
from wit_world.imports.async_io import Pollable

from fanroute_runtime.compute.resources import use_finalizers
from fanroute_runtime.snapshot.heap import end_imports_last, settle_heap

# The main module's file, and what it exports as soon as it has run.
_MAIN = "app.py"
_MADE: dict[str, Any] = {}


class HttpIncoming(exports.HttpIncoming):
    """Serves no requests until it has the methods of the main module's class."""

    def handle(self, request: http_req.Request, body: Pollable) -> None:
        raise Err(None)


class Decisions:
    """Takes the main module, and then has the methods of the main module's class."""

    def decide(self, request: bytes) -> bytes:
        """Runs the main module. If it has run, settles the memory, which nothing of the first call is in any more.

        `request` is a JSON object with the texts of the main module and of its routes, by file name.
        """
        if _MADE:
            _replace_methods()
            settle_heap()
        else:
            _run(json.loads(request))
        return b""

    def serve(self, request: http_req.Request, body: Pollable, progress: int, served: int, began: int) -> tuple[bool, int | None]:
        return True, None


class _Files:
    """Stands in for the main module's loader, which reads the file with the routes."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def get_data(self, path: str) -> bytes:
        return self._texts[path].encode()


def _run(texts: dict[str, str]) -> None:
    names: dict[str, Any] = {"__name__": "app", "__file__": _MAIN, "__loader__": _Files(texts)}
    exec(compile(texts[_MAIN], _MAIN, "exec"), names)
    _MADE.update({exported.__name__: names[exported.__name__] for exported in (HttpIncoming, Decisions)})


def _replace_methods() -> None:
    """Gives the classes here the methods of the main module's. componentize-py has made objects of the classes here."""
    for exported, methods in ((HttpIncoming, ("handle",)), (Decisions, ("decide", "serve"))):
        made = _MADE.pop(exported.__name__)
        for name in methods:
            setattr(exported, name, vars(made)[name])


use_finalizers()
end_imports_last()
