"""Finds what keeps a project from working: on this machine, in its files, at its backends and in its service on Fastly."""
