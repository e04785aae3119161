"""Measurements: they print figures beside a named baseline of the same run; they are not the tests."""
