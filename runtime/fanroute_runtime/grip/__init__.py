"""Writes GRIP instructions, answers WebSocket-over-HTTP, and recognises requests that Fanout signed."""
