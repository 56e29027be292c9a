"""A diagnostic, its rule and its place in a file, and how it is printed: as text, as GitHub commands or as JSON."""
