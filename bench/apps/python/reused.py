"""Serves app.py with reused sandboxes. bench.contestants builds it with the SDK."""

from app import Reused as HttpIncoming

__all__ = ["HttpIncoming"]
