"""Reads and writes what HTTP defines: headers, media types, origins, CORS, and what a backend gets. Knows nothing of GRIP."""
