"""Serves the console: a web page that shows a local edge while it runs, tries requests, publishes and listens."""
