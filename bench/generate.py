"""Files with many routes, for measuring."""

START = """\
version: 1
service: {name: bench}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true}
routes:
"""
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


def routes(count: int) -> str:
    """A routes.yaml with `count` routes."""
    return START + "".join(KINDS[number % 4].format(number // 4) for number in range(count))
