"""Runs route tests: requests with their expected outcome, judged by the routes or on a local edge."""
