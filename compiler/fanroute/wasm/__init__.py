"""Reads and rewrites WebAssembly. All that it knows of Fanroute is the lists in a snapshot."""
