"""FR3xx: every route gets requests, and the ones that are meant for it."""

from fanroute.diagnostics.rule import START, Rule

# Each takes the texts of a letter whose length its prime number does not divide; the shortest that is left has 85,085 letters.
_LENGTHS = "".join(
    f'  - match: {{path: "/{{n}}", where: {{n: "(a{{{prime}}})*a{{1,{prime - 1}}}"}}}}\n    respond: {{status: 404}}\n'
    for prime in (5, 7, 11, 13, 17)
)

FR301 = Rule(
    "FR301",
    "warning",
    "every route can get a request",
    "The first route that matches wins. A route whose requests are all taken by those before it does nothing, and "
    "neither does one that asks for what no request has. Both are found exactly, also where it takes several routes "
    "together to leave it none.",
    START + "routes:\n  - name: chat\n    match: {path: /chat/*}\n    handoff: origin\n"
    "  - match: {path: /chat/help}\n    respond: {status: 404}\n",
    "Put the route before those that take its requests, narrow them, or leave it out.",
)

FR302 = Rule(
    "FR302",
    "note",
    "of two routes that share requests one is the more specific",
    "Two routes match the same request and do different things with it, and neither matches only a part of the other's "
    "requests. So their order decides. The note shows one such request, as arguments of `fanroute match`. There is no "
    "note if the later route is the wider one, such as `/chat/*` below `/chat/{room}`.",
    START + "routes:\n  - name: posts\n    match: {path: /*, method: POST}\n    handoff: origin\n"
    "  - name: chat\n    match: {path: /chat}\n    respond: {status: 404}\n",
    "Check that the order is meant. To avoid the note, narrow one of the two, or put a route for the shared requests "
    "before them.",
)

FR303 = Rule(
    "FR303",
    "note",
    "the requests that a route gets can be computed",
    "Patterns, and conditions on many headers and parameters, can overlap in so many ways that the search for the rest "
    "takes too long. It then ends after a number of steps, without a guess. The component does not depend on it.",
    START + "routes:\n" + _LENGTHS + '  - match: {path: "/{n}", where: {n: "a*"}}\n    handoff: origin\n',
    "Ask for less in one match, or put routes with much in common under paths or hosts of their own.",
)
