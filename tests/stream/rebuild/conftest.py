"""The synthetic model and its reference of the monitor's tests, made once; a real Valkey."""

from tests.stream.checkpoint.conftest import client, store_url
from tests.stream.monitor.conftest import compiled, reference

__all__ = ["client", "compiled", "reference", "store_url"]
