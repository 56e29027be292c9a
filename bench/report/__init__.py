"""Turns a run's data into docs/performance.md and its plots. Measures nothing and imports no other folder of the benchmarks."""
