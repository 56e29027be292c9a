"""The local edges: one inside this process, and Viceroy with Pushpin."""
