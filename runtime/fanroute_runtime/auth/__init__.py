"""Decides whether a client's token allows a request."""
