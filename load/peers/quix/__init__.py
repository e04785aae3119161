"""Quix Streams 3.28."""
