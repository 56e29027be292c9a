"""Measures the contestants: the requests, the load, the servers. The results go into `run_data`."""
