"""Finds where the time and the bytes go: perf, cProfile and the sections of a component. The results explain missed goals."""
