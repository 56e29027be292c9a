"""Prepares the memory that every sandbox starts from. Runs only while the component is built."""
