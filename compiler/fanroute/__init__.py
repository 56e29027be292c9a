"""Fanroute: routes.yaml to a WebAssembly app for Fastly Compute and Fanout."""

__version__ = "0.2.0"
