"""Finds the first route that takes a request, and what its match binds. Knows nothing of Fanout."""
