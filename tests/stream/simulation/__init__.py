"""Deterministic simulation of profilers, their store and their topics: one seed, one history, one verdict."""
