"""Reads and rewrites WebAssembly. All it knows of Fanroute is the list of immortal objects in a snapshot."""
