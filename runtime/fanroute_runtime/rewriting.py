"""Changes the path and query with which a backend gets a request. It ships only if an action of the Plan has a Rewrite."""

from collections.abc import Collection
from urllib.parse import quote

from fanroute_runtime.grip.instructions import expand_uri
from fanroute_runtime.http.client import decode_form
from fanroute_runtime.matching.paths import Paths
from fanroute_runtime.matching.predicates import split_uri
from fanroute_runtime.messages import Binding, Refused
from fanroute_runtime.plan import PathFault, Template
from fanroute_runtime.plan.rewriting import Rewrite


class Rewriter:
    """Makes the URIs with which backends get requests. No path for a backend has one of the `refused` faults."""

    def __init__(self, refused: Collection[PathFault]) -> None:
        self._paths = Paths(refused)

    def rewrite_uri(self, rewrite: Rewrite, uri: str, value_of: Binding) -> str:
        """Returns the URI with which a backend gets a client's request. What stays of path and query keeps its bytes.

        Raises Refused (400) if a value is not text or would lead to another path, if the path for the backend would be refused
        as a client's, or if it would begin with '//': in a URI, what follows that is a host.
        """
        authority, path, query = split_uri(uri)
        stays = [] if rewrite.strip is None else path.split("/")[1 + rewrite.strip :]
        path = expand_uri(rewrite.path, value_of).decode() + "".join([f"/{segment}" for segment in stays])
        if path[1:2] in ("/", "\\"):
            raise Refused(400, "The path for the backend would begin with '//'.")
        self._paths.check(path, "path for the backend")
        replaced = {*rewrite.remove_query, *(name for name, _ in rewrite.set_query)}
        pairs = [pair for pair in query.split("&") if decode_form(pair.partition("=")[0]) not in replaced] if query else []
        pairs += [f"{quote(name, safe='')}={_encoded(value, value_of)}" for name, value in rewrite.set_query]
        return f"{uri.partition('://')[0]}://{authority}{path or '/'}{'?' if pairs else ''}{'&'.join(pairs)}"


def _encoded(template: Template, value_of: Binding) -> str:
    """Returns the value of a query parameter, percent-encoded once. Raises Refused (400)."""
    parts = [part if isinstance(part, str) else value_of(part) for part in template]
    if None in parts:
        raise Refused(400, "A value in the request is not UTF-8.")
    return quote("".join(filter(None, parts)), safe="")
