"""Speaks to Fastly Compute: requests, responses and resources of the host. Only here are the host's bindings imported."""
