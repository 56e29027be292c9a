"""Shows above each route which requests get there, with one of them."""

from lsprotocol import types

from fanroute.analysis.reachability import Reachability, Reachable, Unreachable
from fanroute.analysis.witness import match_arguments, reachable_routes, request_of
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.diagnostics.printable import printable
from fanroute.editor.document import Document
from fanroute.plan.describe import match_text
from fanroute.plan.routes import is_declared, is_generated
from fanroute.syntax.variables import command_unexpander, unexpander
from fanroute_runtime.plan import Route

# An editor shows a lens whose command has no name, but does not make a link of it.
_NO_COMMAND = ""


def lenses_of(document: Document) -> list[types.CodeLens]:
    """Returns a lens for each route. Routes with errors have none, because what gets there is not known.

    No lens has the value of a variable.
    """
    if document.kind == "tests":
        return []
    try:
        compiled = document.compile_plan()
    except Invalid:
        return []
    hide, hide_in_command = unexpander(compiled.source.unexpanded), command_unexpander(compiled.source.unexpanded)
    declared: list[list[tuple[Route, Reachability]]] = []
    for route, found in reachable_routes(compiled.plan):
        if is_declared(route):
            declared.append([])
        if not is_generated(route):
            declared[-1].append((route, found))
    lenses = []
    for index, of_paths in enumerate(declared):
        # Of several paths, the first one that gets a request is shown.
        route, found = next((each for each in of_paths if isinstance(each[1], Reachable)), of_paths[0])
        title = hide(f"gets {match_text(route.match)}")
        if isinstance(found, Reachable):
            title += ", such as " + hide_in_command(match_arguments(request_of(found.witness)))
        else:
            title = "no request gets here" if isinstance(found, Unreachable) else f"{title}; no example was found in time"
        span = compiled.source.key_span(("routes", index))
        if not document.is_here(span):
            continue  # the lens is in another document
        place = document.positions.range_of(span)
        lenses.append(types.CodeLens(place, types.Command(printable(title), _NO_COMMAND)))
    return lenses
