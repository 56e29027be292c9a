"""YAML text to plain data with the place of everything, and variables in it. What the data means is in `spec`."""
