"""Texts of rules."""
