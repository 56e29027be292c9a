"""Reads and writes the files of other tools: `fanroute import` and `fanroute export`."""
