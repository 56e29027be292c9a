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


def routes_yaml(count: int) -> str:
    """Returns the text of a routes.yaml with `count` routes."""
    return HEAD + "".join(KINDS[number % len(KINDS)].format(number // len(KINDS)) for number in range(count))


def stream_paths(count: int, most: int) -> tuple[str, ...]:
    """Returns paths that match SSE routes of `routes_yaml(count)`: at most `most`, spread from the first route to the last."""
    streams = -(-count // len(KINDS))
    size = min(streams, most)
    return tuple(f"/events{number * streams // size}/lobby" for number in range(size))
