"""Implements Fastly's host functions for a component in this process. HTTP, the GRIP proxy and backends are in `devserver`."""
