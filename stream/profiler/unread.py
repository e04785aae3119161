"""How far the profiles topic is ahead of its readers: an embedded broker silently drops what lies too far back.

librdkafka's mock cluster keeps the last 5 MB or 100 000 messages of a partition, whoever has not read them yet. So the
producer counts what the monitor's group has not passed, and holds back before the bound.
"""

from collections import deque
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException, TopicPartition

from stream.kafka.clients import make_consumer

Positions = Mapping[int, tuple[int, int]]
"""For each partition the offset that readers have committed (0 before the first), and the end of the log."""

REFRESH_SECONDS = 0.1
MAX_MESSAGES = 50_000


class Unread:
    """Gate in front of a topic.

    Parameters
    ----------
    max_bytes
        Bound for each partition.
    positions
        Asks the broker; may raise KafkaException.
    clock
        Monotonic seconds.

    Notes
    -----
    Own messages are counted byte by byte; messages of other workers at the mean size of our own. Only for embedded
    brokers: on a real one retention is a matter of days.
    """

    def __init__(self, max_bytes: int, positions: Callable[[], Positions], clock: Callable[[], float]) -> None:
        self._max_bytes, self._positions, self._clock = max_bytes, positions, clock
        self._sent: dict[int, deque[tuple[int, int]]] = {}
        self._in_flight: dict[int, int] = {}
        self._known: Positions = {}
        self._asked = float("-inf")

    @property
    def max_message_bytes(self) -> int:
        """Size of a message of which several fit below the bound, so that the gate has something to decide."""
        return min(self._max_bytes // 4, 900_000)

    def allows(self, partition: int, size: int) -> bool:
        """Whether a message may be sent now."""
        self._refresh()
        committed, end = self._known.get(partition, (0, 0))
        sent = self._sent.setdefault(partition, deque())
        while sent and sent[0][0] < committed:
            sent.popleft()
        mine = sum(length for _, length in sent) + self._in_flight.get(partition, 0)
        others = max(end - committed - len(sent), 0)
        mean = mine / len(sent) if sent else size
        fits = mine + others * mean + size <= self._max_bytes or mine + others == 0
        return fits and end - committed < MAX_MESSAGES

    def sending(self, partition: int, size: int) -> None:
        """Note a message handed to the producer."""
        self._in_flight[partition] = self._in_flight.get(partition, 0) + size

    def arrived(self, partition: int, offset: int, size: int) -> None:
        """Note a message that the broker has at `offset`."""
        self._in_flight[partition] -= size
        self._sent.setdefault(partition, deque()).append((offset, size))

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._asked < REFRESH_SECONDS:
            return
        self._asked = now
        try:
            self._known = self._positions()
        except KafkaException:
            return  # the old positions only err on the safe side


def group_positions(kafka: Mapping[str, str], group: str, topic: str, partitions: int) -> Callable[[], Positions]:
    """Return a function that asks the broker where a consumer group stands in a topic; it never joins the group."""
    client = make_consumer({**kafka, "group.id": group, "enable.auto.commit": False})
    places = [TopicPartition(topic, partition) for partition in range(partitions)]

    def ask() -> Positions:
        committed = client.committed(places, timeout=2)
        ends = [client.get_watermark_offsets(place, timeout=2) for place in places]
        return {place.partition: (max(place.offset, 0), end) for place, (_, end) in zip(committed, ends, strict=True)}

    return ask
