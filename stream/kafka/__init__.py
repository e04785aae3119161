"""Kafka at the edge: settings for both clients, topics, the embedded broker."""
