"""Serves requests in the component: matching, GRIP, WebSocket-over-HTTP, and the calls of Fastly's host."""
