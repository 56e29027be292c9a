"""Lowers a valid Spec to a Plan and its backends. It decides nothing else: a Spec that gets here has passed all checks."""
