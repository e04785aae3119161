"""A real Valkey with the same few extra handles as the model: look, save, restore."""

import time
from typing import Any

import redis

from simulation.store_model import SCRIPTS
from stream.checkpoint import requests

Saved = dict[bytes, bytes]


class ValkeyStore:
    """What the model is compared with, and what the same simulation runs on."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.restore({})
        for name in SCRIPTS:
            client.script_load(requests.script_text(name))

    def execute_command(self, *args: Any) -> Any:
        return self._client.execute_command(*args)

    def hash(self, key: str) -> dict[bytes, bytes]:
        return self._client.hgetall(key)

    def save(self) -> Saved:
        return {key: self._client.dump(key) for key in self._client.scan_iter()}

    def restore(self, saved: Saved) -> None:
        for key in self._client.scan_iter():  # not FLUSHALL: with an append-only file it costs half a second
            self._client.delete(key)
        for key, value in saved.items():
            self._client.restore(key, 0, value)
        # A failover takes its time: the next epoch, by the server's clock, is above all that were lost.
        time.sleep(0.02)
