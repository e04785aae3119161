"""The synthetic model and its reference of the monitor's tests, made once."""

from tests.stream.monitor.conftest import compiled, reference

__all__ = ["compiled", "reference"]
