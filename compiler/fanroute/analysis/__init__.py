"""Exact answers about a Plan: who gets which request, where routes differ, which channels they choose. `rules` reports them."""
