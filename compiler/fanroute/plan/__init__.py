"""Works with a compiled Plan, which `lowering` makes: describes it, tries requests on it, and signs tokens for tests."""
