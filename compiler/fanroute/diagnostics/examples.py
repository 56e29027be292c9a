"""Holds pieces that the examples of several rules begin with or contain."""

# How most examples begin.
START = """\
version: 1
service: {name: chat-edge}
backends:
  origin: {url: "https://app.example.com"}
"""

LOOPBACK = START + "  self: {loopback: true}\nroutes:\n"
# Of routes that publish what clients send.
PUBLISHES = LOOPBACK.replace("routes:\n", "publishing: {secret_store: keys, name: publish-token}\nroutes:\n")
POSTED = "  - match: {path: /news, method: POST}\n    public: true\n"
READ_EVENTS = "  - match: {path: /news, method: GET}\n    public: true\n    sse: {channel: news}\n"
AUTH = "auth: {keys: {algorithm: HS256, secret_store: keys, name: login}, %s}\n"
KEYS = START + "fanout:\n  keys:\n    - {issuer: pushpin, algorithm: %s}\nroutes:\n  - handoff: origin\n"
TESTED = (
    START
    + """\
routes:
  - name: live
    match: {path: /live/*}
    handoff: origin
"""
)
