"""The store: one Redis-compatible server, real or embedded."""
