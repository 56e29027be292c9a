"""The checks of a routes.yaml, by topic, each with what it reports. How a diagnostic is printed is in `diagnostics`."""
