"""Input that services get wrong, and what must become of it."""
