"""Serves editors over the Language Server Protocol: diagnostics, hover, definitions, completion and code lenses."""
