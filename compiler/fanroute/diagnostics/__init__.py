"""A diagnostic, the rule it reports and its place in a file; printed as text, as GitHub commands and as JSON."""
