"""The canonical form of a routes.yaml, for `fanroute fmt`."""
