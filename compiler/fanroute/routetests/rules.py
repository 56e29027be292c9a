"""FR5xx: route tests, and what they find."""

from fanroute.diagnostics.rule import START, Rule

ROUTES = (
    START
    + """\
routes:
  - name: live
    match: {path: /live/*}
    handoff: origin
"""
)

FR501 = Rule(
    "FR501",
    "error",
    "a test expects a route that there is",
    "A test of a route that has another name by now can only fail, and would not say why. "
    "A route without a name is called by its number, as `route-3`.",
    ROUTES,
    "Name one of the routes, or `none` where no route may take the request.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: life}\n",
)

FR502 = Rule(
    "FR502",
    "error",
    "a test expects a backend that there is",
    "As with routes, a test of a backend that is called otherwise can only fail.",
    ROUTES,
    "Name one of the backends of routes.yaml.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {backend: orgin}\n",
)

FR503 = Rule(
    "FR503",
    "error",
    "a test expects something",
    "A test without an expectation cannot fail. It would count as passed, and say nothing.",
    ROUTES,
    "Say at least which route takes the request.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {}\n",
)

FR510 = Rule(
    "FR510",
    "error",
    "what comes of a request is what its test expects",
    "Either the routes do not do what they are meant to, or the test is out of date. What is said beside it tells which "
    "route takes the request, and why the one that is expected does not.",
    ROUTES,
    "Change the route or the test. `fanroute match METHOD URL` says more of what the request does.",
    "tests:\n  - name: everything under /live\n    request: GET https://example.com/live\n    expect: {route: live}\n"
    "  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR511 = Rule(
    "FR511",
    "error",
    "the component on a local edge does what its routes say",
    "All that comes of a request on the edge is compared by `fanroute test --live`, not only what its test expects. "
    "A difference is a mistake of Fanroute's, or one of the local edge's.",
    None,
    "Try the other local edge, and please report what differs.",
)

FR512 = Rule(
    "FR512",
    "note",
    "what cannot be asked of a local edge is not asked",
    "A local edge speaks plain HTTP, with a client on this machine. Where a request over https would be answered otherwise "
    "than the same one over http, or a test expects the client's address or scheme to be sent on, it cannot show what the "
    "edge does, and the test is neither passed nor failed.",
    None,
    "Without `--live` the test is judged by the routes alone.",
)

FR515 = Rule(
    "FR515",
    "note",
    "every route is exercised by a test",
    "A route that no passed test gets may do anything.",
    ROUTES + "  - name: rest\n    match: {path: /rest}\n    handoff: origin\n",
    "Write a test with a request that the route takes.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR516 = Rule(
    "FR516",
    "note",
    "every alternative of a match is exercised by a test",
    "A value of `host`, `method`, `header` or `query` that no request of a passed test has may be misspelt or not needed.",
    ROUTES.replace("/live/*}", "/live/*, method: [GET, POST]}"),
    "Write a test with a request that the route takes by this alternative.",
    "tests:\n  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)
