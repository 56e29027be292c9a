"""Fastly's host functions for a component in this process. HTTP, Fanout and backends are in `devserver`."""
