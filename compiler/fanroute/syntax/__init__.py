"""Parses YAML text to plain data with positions, and expands variables. The meaning of the data is in `spec`."""
