"""Reads and writes the user's folder and fastly.toml, makes new folders, keeps build results, and runs other programs."""
