"""The user's folder and what is in it: fastly.toml, templates, build results; and other programs that are run there."""
