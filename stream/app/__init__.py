"""The worker: Faust agents around the monitor's core, the profiler's thread beside them, one process."""
