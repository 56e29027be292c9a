"""What ships in the component: matching, GRIP, WebSocket-over-HTTP and the calls to Fastly's host."""
