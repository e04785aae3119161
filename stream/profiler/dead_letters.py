"""Dead letters on their way to Kafka: acknowledged before the checkpoint that moves the offset past them."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

from stream.kafka.topics import TopicNames
from stream.profiler.messages import DeadLetter

MAX_RAW_BYTES = 900_000  # with headers below the broker's default limit of 1 MB
MAX_DETAIL = 2_000
"""Characters of `detail`: it may quote what was sent, and a letter that is too large ends every worker in turn."""


class DeadLetters:
    """Producer side of the `dead-letters` topic.

    The value is the message's own bytes (cut at 900 kB), so it can be sent again once the cause is mended; headers
    say `reason`, `detail`, `topic`, `partition`, `offset`, `row` (of a batch message) and `truncated`. A crash may
    repeat a letter: it is known by topic, partition, offset and row.
    """

    def __init__(self, producer: Producer, topics: TopicNames) -> None:
        self._producer, self._topics = producer, topics
        self._waiting: set[int] = set()
        self._failed: list[tuple[int, DeadLetter]] = []
        self._next = 0
        self.stuck = False
        """Whether the last attempt to settle failed: nothing can be checkpointed, so nothing more should be read."""
        self.produced = 0

    @property
    def settled(self) -> bool:
        """Whether Kafka has acknowledged every letter."""
        return not self._waiting

    def put(self, letters: Iterable[DeadLetter]) -> None:
        """Send letters; `settle` says when they are safe."""
        for letter in letters:
            self._next += 1
            self._waiting.add(self._next)
            self._send(self._next, letter)

    def settle(self, seconds: float) -> bool:
        """Wait until every letter is acknowledged; False when that takes longer."""
        failed, self._failed = self._failed, []
        for number, letter in failed:
            self._send(number, letter)
        if self._waiting:
            self._producer.flush(seconds)
        self.stuck = not self.settled
        return self.settled

    def _send(self, number: int, letter: DeadLetter) -> None:
        def acknowledged(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                self._failed.append((number, letter))
                return
            self._waiting.discard(number)
            self.produced += 1

        try:
            self._producer.produce(
                self._topics.dead_letters,
                key=f"{letter.role}-{letter.partition}".encode(),  # letters of one partition keep their order
                value=letter.raw[:MAX_RAW_BYTES],
                headers=letter_headers(letter, self._topics),
                on_delivery=acknowledged,
            )
        except BufferError:
            self._failed.append((number, letter))


def letter_headers(letter: DeadLetter, topics: TopicNames) -> list[tuple[str, str | bytes | None]]:
    """Say what a letter is about, as headers."""
    headers = {
        "reason": letter.reason,
        "detail": _cut(letter.detail),
        "topic": topics.prefix + letter.role,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
    }
    if letter.row is not None:
        headers["row"] = str(letter.row)
    if len(letter.raw) > MAX_RAW_BYTES:
        headers["truncated"] = str(len(letter.raw))
    return [(name, value.encode("utf-8", "surrogateescape")) for name, value in headers.items()]


def _cut(text: str) -> str:
    """Leave out the middle of a long text: a sentence says at its end what was expected."""
    half = MAX_DETAIL // 2
    return text if len(text) <= MAX_DETAIL else f"{text[:half]} ... {text[-half:]}"
