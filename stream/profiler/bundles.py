"""Profiles packed into messages: one partition each, none above the broker's limit."""

from collections.abc import Iterator
from dataclasses import dataclass

from stream.profiler.deliveries import Delivery
from tidegauge.codec import encode_profiles
from tidegauge.partitioner import partition_for
from tidegauge.profiles import Profile, ProfileBundle

MAX_BUNDLE_BYTES = 900_000
# Names, hash and numbers of a profile beside its body, generously.
_ENVELOPE_BYTES = 160


@dataclass(slots=True)
class Outgoing:
    """One message for one partition of `profiles`, and whose profiles are in it."""

    partition: int
    payload: bytes
    deliveries: list[Delivery]

    def arrived(self) -> None:
        """Note that Kafka has it."""
        for delivery in self.deliveries:
            delivery.remaining -= 1


class Bundler:
    """Collects profiles by partition until they are taken.

    A profile goes to partition murmur2(model). One larger than `max_bytes` alone is a message of its own.
    """

    def __init__(self, partitions: int, max_bytes: int = MAX_BUNDLE_BYTES) -> None:
        self._partitions, self._max_bytes = partitions, max_bytes
        self._of_model: dict[str, int] = {}
        self._open: dict[int, list[tuple[Profile, Delivery]]] = {}

    def add(self, delivery: Delivery) -> None:
        """Collect a publication's profiles."""
        for profile in delivery.publication.profiles.values():
            self._open.setdefault(self._partition(profile.model), []).append((profile, delivery))

    def take(self) -> Iterator[Outgoing]:
        """Yield what was collected, as few messages as the limit allows."""
        collected, self._open = self._open, {}
        for partition, entries in sorted(collected.items()):
            for chunk in _chunks(entries, self._max_bytes):
                bundle = ProfileBundle(profiles=[profile for profile, _ in chunk])
                yield Outgoing(partition, encode_profiles(bundle), [delivery for _, delivery in chunk])

    def _partition(self, model: str) -> int:
        partition = self._of_model.get(model)
        if partition is None:
            partition = self._of_model[model] = partition_for(model.encode(), self._partitions)
        return partition


def _chunks(entries: list[tuple[Profile, Delivery]], max_bytes: int) -> Iterator[list[tuple[Profile, Delivery]]]:
    chunk: list[tuple[Profile, Delivery]] = []
    size = 0
    for profile, delivery in entries:
        names = len(profile.model) + len(profile.version) + len(profile.segment)
        weight = len(profile.body) + 4 * names + _ENVELOPE_BYTES
        if chunk and size + weight > max_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append((profile, delivery))
        size += weight
    if chunk:
        yield chunk
