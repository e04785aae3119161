"""The profiler's core alone, in one process: CPU per event without Kafka and Redis, beside decoding the same bytes."""
