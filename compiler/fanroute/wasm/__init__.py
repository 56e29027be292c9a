"""Reads and rewrites WebAssembly modules and components. It knows nothing of Fanroute."""
