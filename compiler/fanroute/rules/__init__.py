"""All checks of a routes.yaml, one file for each topic, with the rules that they report. `diagnostics` has what prints them."""
