"""Serves flask_app.py with reused sandboxes. bench.contestants builds it with the SDK."""

from fastly_compute.wsgi import WsgiHttpIncoming
from flask_app import app

HttpIncoming = WsgiHttpIncoming(app, reuse_sandboxes_for_ms=10_000)
