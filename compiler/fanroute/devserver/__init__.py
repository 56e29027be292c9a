"""The two local edges: one in this process, and Viceroy with Pushpin."""
