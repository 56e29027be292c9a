"""A valid Spec to a Plan, and to the backends that are set up around it."""
