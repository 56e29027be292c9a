"""Generates a routes.yaml with any number of routes. Has no command; measuring, profiling and the studies import it."""

HEAD = """\
version: 1
service: {name: bench}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true}
routes:
"""
# The kinds of routes, in turn. `{0}` is a number of its own for each route of a kind.
KINDS = (
    """\
  - name: events-{0}
    match: {{host: "*.edgecompute.app", path: "/events{0}/{{room}}", where: {{room: "[a-z0-9-]{{1,64}}"}}}}
    public: true
    sse: {{channel: "room-{{room}}", keep_alive: 25s}}
""",
    """\
  - match: {{path: /app{0}/*}}
    handoff: origin
""",
    """\
  - match:
      path: /api{0}/users
      method: [GET, HEAD]
      header: {{x-plan: [pro, team]}}
    respond: {{status: 404, body: "No such user\\n"}}
""",
    """\
  - match: {{path: /socket{0}}}
    websocket: {{channel: "socket-{0}", echo: true}}
""",
)

# The kinds of routes with patterns, in turn. Most patterns are for one route only, under a path that other routes have, too.
PATTERN_KINDS = (
    """\
  - match: {{path: "/events/{{room}}", where: {{room: "team{0}-[a-z0-9-]{{1,64}}"}}}}
    public: true
    sse: {{channel: "room-{{room}}"}}
""",
    """\
  - match: {{path: "/v1/users/{{user}}/feed-{0}", where: {{user: "[0-9]+"}}}}
    handoff: origin
""",
    """\
  - match: {{path: /api/*, header: {{x-tenant: {{pattern: "tenant{0}(-[a-z]+)?"}}}}}}
    handoff: origin
""",
    """\
  - match: {{path: "/files/{{file}}", where: {{file: "[a-z0-9]+-{0}\\\\.(jpg|png|webp)"}}}}
    respond: {{status: 404}}
""",
    """\
  - match: {{path: /files/page-{0}}}
    handoff: origin
""",
)
# Kinds of routes with patterns that are hard to tell apart or that overlap, by name.
HARD_KINDS = {
    "one prefix": """\
  - match: {{path: "/rooms/{{room}}", where: {{room: "team{0}-[a-z0-9-]{{1,64}}"}}}}
    respond: {{status: 200, body: "{0}"}}
""",
    "one beginning and end": """\
  - match: {{path: "/rooms/{{room}}", where: {{room: "[a-z]+-{0}-[a-z]+"}}}}
    respond: {{status: 200, body: "{0}"}}
""",
    "alternatives": """\
  - match: {{path: "/rooms/{{room}}", where: {{room: "(a{0}|b{0}|c{0})-[0-9]*"}}}}
    respond: {{status: 200, body: "{0}"}}
""",
    "all overlap": """\
  - match: {{path: "/rooms/{{room}}", where: {{room: ".*-k{0}-.*"}}}}
    respond: {{status: 200, body: "{0}"}}
""",
}


def routes_yaml(count: int, kinds: tuple[str, ...] = KINDS) -> str:
    """Returns the text of a routes.yaml with `count` routes of these kinds, in turn."""
    return HEAD + "".join(kinds[number % len(kinds)].format(number // len(kinds)) for number in range(count))


def stream_paths(count: int, most: int) -> tuple[str, ...]:
    """Returns paths that match SSE routes of `routes_yaml(count)`: at most `most`, spread from the first route to the last."""
    streams = -(-count // len(KINDS))
    size = min(streams, most)
    return tuple(f"/events{number * streams // size}/lobby" for number in range(size))
