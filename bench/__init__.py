"""Benchmarks: Fanroute measured side by side with Fastly's kits. README.md says what each folder is for and how to run it."""
