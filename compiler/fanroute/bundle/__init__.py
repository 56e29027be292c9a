"""Builds bin/main.wasm from a project's folder."""
