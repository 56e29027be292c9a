"""Defines what routes.yaml may contain: models, defaults, JSON Schema, reference. Checks across values are in `rules`."""
