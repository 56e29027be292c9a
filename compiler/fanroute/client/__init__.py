"""Publishes messages, and listens to them, as the user's server and clients do."""
