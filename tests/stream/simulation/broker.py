"""The outgoing side of Kafka: messages on their way, in any order; reports that come late, or say the wrong thing."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError

from simulation.faults import Faults

Io = Callable[[str], None]
TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)


@dataclass(frozen=True)
class Record:
    """What lies in an output topic."""

    topic: str
    partition: int
    value: bytes
    headers: dict[str, bytes]


@dataclass
class Flight:
    """A message between `produce` and its report."""

    record: Record
    report: Callable[[KafkaError | None, Any], None]
    landed: bool = False
    answered: bool = False
    error: KafkaError | None = None


class Broker:
    """Output topics as one list, in the order in which messages arrived."""

    def __init__(self, rng: random.Random, landed: Callable[[Record], None]) -> None:
        self._rng, self._landed = rng, landed
        self.faults = Faults()
        self.orphans: list[Flight] = []
        """Messages of producers that are dead: some of them arrive yet."""

    def move(self, producer: "SimProducer") -> None:
        """Let some messages arrive and some reports come back, in no order."""
        for flight in self._rng.sample(producer.flights, len(producer.flights)):
            chance = self._rng.random()
            if flight.answered or chance < 0.2:
                continue
            if not flight.landed and self._rng.random() < self.faults.send_fails:
                flight.answered, flight.error = True, TIMED_OUT
                continue
            self.land(flight)
            if chance > 0.4:
                flight.answered = True
                flight.error = TIMED_OUT if self._rng.random() < self.faults.report_lost else None

    def land(self, flight: Flight) -> None:
        """Put a message into its topic."""
        if not flight.landed:
            flight.landed = True
            self._landed(flight.record)

    def bury(self, producer: "SimProducer") -> None:
        """Its process is dead: what it had sent may arrive, now, later or never."""
        for flight in producer.flights:
            if not flight.landed and self._rng.random() < 0.6:
                self.orphans.append(flight)
        producer.flights = []

    def drift(self) -> None:
        """Let a message of a dead process arrive."""
        if self.orphans:
            self.land(self.orphans.pop(self._rng.randrange(len(self.orphans))))


class SimProducer:
    """The calls of confluent_kafka.Producer that the profiler makes."""

    def __init__(self, broker: Broker, rng: random.Random, io: Io) -> None:
        self._broker, self._rng, self._io = broker, rng, io
        self.flights: list[Flight] = []

    def produce(
        self,
        topic: str,
        value: bytes = b"",
        key: bytes | None = None,
        partition: int = -1,
        headers: list[tuple[str, bytes]] | None = None,
        on_delivery: Callable[..., None] = lambda *_: None,
    ) -> None:
        self._io("produce")
        if self.flights and self._rng.random() < self._broker.faults.queue_full:
            raise BufferError
        self.flights.append(Flight(Record(topic, partition, value, dict(headers or [])), on_delivery))

    def poll(self, _seconds: float) -> None:
        self._io("poll")
        answered = [flight for flight in self.flights if flight.answered]
        self.flights = [flight for flight in self.flights if not flight.answered]
        for flight in answered:
            flight.report(flight.error, None)

    def flush(self, _seconds: float) -> None:
        self._io("flush")
        if self._rng.random() < self._broker.faults.flush_fails:
            return
        for flight in self.flights:
            if not flight.answered:
                self._broker.land(flight)
                flight.answered = True
        self.poll(0)
