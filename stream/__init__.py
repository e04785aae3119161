"""The processor: profiler and monitor between Kafka and Redis, and everything they need to know about a model."""
