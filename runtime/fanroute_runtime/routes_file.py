"""A Plan's routes as text, since of many only few are in use: each is made when it is asked for.

The text is lines of JSON. `{"Handoff":["origin"]}` is a dataclass of `plan` with its fields in order, without those at the end
that are as by default; likewise `{"tuple":["a","b"]}`, `{"bytes":["…"]}`, as Latin-1, and `{"int":["404"]}`. A number is a part:
first come lines of parts, which later lines share, `0` is the first of them; then one line a route.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

from fanroute_runtime import plan
from fanroute_runtime.plan import Auth, Route

_CONSTRUCTORS: dict[str, Any] = {name: kind for name, kind in vars(plan).items() if is_dataclass(kind)}
_CONSTRUCTORS |= {"tuple": lambda *items: items, "bytes": lambda text: text.encode("latin-1"), "int": int}


class LazyRoutes(Sequence[Route]):
    """Routes of such a text, as `fanroute.codegen.routes_file` makes it."""

    def __init__(self, text: bytes) -> None:
        self._text = text.decode("ascii")
        self._starts = array("I")
        self._shared: dict[str, Any] = {}
        # All is done within the decoder, but that Python is called once for each thing that is made.
        self._decode = json.JSONDecoder(object_pairs_hook=_construct, parse_int=self._shared.__getitem__).raw_decode
        start = 0
        while end := text.find(b"\n", start) + 1:
            made = None if self._starts else self._route_at(start)
            if made is None or isinstance(made, Route):
                self._starts.append(start)
            else:
                self._shared[str(len(self._shared))] = made
            start = end

    @property
    def auths(self) -> list[Auth]:
        """What they ask of tokens, each once."""
        return [part for part in self._shared.values() if isinstance(part, Auth)]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: Any) -> Any:
        return self._route_at(self._starts[number])

    def _route_at(self, start: int) -> Any:
        return self._decode(self._text, start)[0]


def _construct(found: list[tuple[str, list[Any]]]) -> Any:
    ((maker, contents),) = found
    return _CONSTRUCTORS[maker](*contents)


def distinct_auths(routes: Sequence[Route]) -> list[Auth]:
    """What routes ask of tokens, each once."""
    return routes.auths if isinstance(routes, LazyRoutes) else list(dict.fromkeys(route.auth for route in routes if route.auth))
