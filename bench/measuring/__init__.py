"""Measures the contestants: the requests, the load, the servers. What a run measures is stored by `run_data`."""
