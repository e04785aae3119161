"""Real servers for the integration tests: Apache Kafka (KRaft), Redis, Valkey."""
