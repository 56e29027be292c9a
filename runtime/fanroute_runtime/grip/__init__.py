"""Writes GRIP instructions, answers WebSocket-over-HTTP, and recognizes requests that Fanout signed."""
