"""The `models` topic: every definition, grid and reference there ever was, and how a change gets into it.

Kafka is the truth. Each record that changes a model names the content hash of the one before; the first to name the
current head wins, all others are void: compare-and-set without a lock, and everyone who reads the log agrees.
"""
