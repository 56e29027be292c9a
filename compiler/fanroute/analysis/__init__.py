"""Computes exact facts about a Plan: which route gets which requests, where two files differ, which channels clients choose."""
