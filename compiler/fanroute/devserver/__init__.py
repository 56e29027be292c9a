"""Runs the local edges: one in this process, and Viceroy with Pushpin."""
