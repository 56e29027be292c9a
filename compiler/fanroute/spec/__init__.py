"""What a user may write in routes.yaml: models, defaults, JSON Schema, reference. Rules between values are in `rules`."""
