"""Mutated and random messages through the profiler's core, seeded: nothing crashes, every row is accounted for."""
