"""Formats a routes.yaml, for `fanroute fmt`."""
