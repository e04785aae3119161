"""Reading the `models` topic: to its end before anything is decided, and on from there."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from stream.definitions.chain import DefinitionLog
from stream.errors import ConfigurationError, LostStateError, UnreachableError
from stream.kafka.clients import make_consumer
from stream.model.catalog import Catalog

PARTITION: Final = 0
READ_TIMEOUT_SECONDS: Final = 30.0

_BATCH: Final = 500
_STEP_SECONDS: Final = 0.5

# Not ours to overrule: where the group is, who assigns, and what is read.
_OURS: Final = {"enable.auto.commit": False, "auto.offset.reset": "error"}
# confluent_kafka names librdkafka's own errors with an underscore; they are public all the same.
MISSING_TOPIC: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)
_GONE: Final = frozenset({KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET})  # noqa: SLF001
_HOPELESS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)


class DefinitionReader:
    """Follows the `models` topic with a consumer of its own; needs READ on the topic, no group is joined.

    Parameters
    ----------
    settings
        librdkafka's settings.
    topic
        Name of the `models` topic; its partition 0 is read.
    clock
        Seconds that only rise; for deadlines.

    Notes
    -----
    One thread at a time may call it. `catalog` may be read from any: a snapshot is never changed once it is there.
    """

    def __init__(self, settings: Mapping[str, str], topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.log = DefinitionLog()
        self._topic = topic
        self._address = settings.get("bootstrap.servers", "")
        self._clock = clock
        self._problem: KafkaError | None = None
        # A group id must be given; nothing is ever committed to it.
        ours = {**_OURS, "group.id": "tidegauge-models", "error_cb": self._note}
        self._consumer = make_consumer({"fetch.wait.max.ms": "100", **settings, **ours})
        self._consumer.assign([self._at(0)])

    @property
    def catalog(self) -> Catalog:
        """The catalog as of what has been read."""
        return self.log.catalog

    def read_to_end(self, timeout_seconds: float = READ_TIMEOUT_SECONDS) -> Catalog:
        """Read up to what the topic held when this was called.

        Raises
        ------
        UnreachableError
            When Kafka does not answer, or sends nothing, for so long.
        ConfigurationError
            When the topic does not exist, or may not be read.
        LostStateError
            When records of the topic are gone, or are of a newer version.
        """
        deadline = self._clock() + timeout_seconds
        end = self._end(timeout_seconds)
        return self.read_past(end - 1, max(deadline - self._clock(), _STEP_SECONDS))

    def read_past(self, offset: int, timeout_seconds: float = READ_TIMEOUT_SECONDS) -> Catalog:
        """Read until the record at `offset` has been applied; raises as `read_to_end` does."""
        deadline = self._clock() + timeout_seconds
        while self.log.next_offset <= offset:
            if self.poll(_STEP_SECONDS):  # a topic of many references takes as long as it takes
                deadline = self._clock() + timeout_seconds
            elif self._clock() > deadline:
                raise self._unreachable(f"offset {offset} of {self._topic} was not read in {timeout_seconds:g} s")
        return self.catalog

    def poll(self, timeout_seconds: float = 0.0) -> bool:
        """Apply what has come, waiting for the first record at most `timeout_seconds`; whether any had.

        Kafka being away is no error here: what was read stays in force. Raises ConfigurationError and LostStateError
        as `read_to_end` does.
        """
        before = self.log.next_offset
        # consume(n, t) waits for all n or for all of t: so wait for one, then take what lies there.
        for count, seconds in ((1, timeout_seconds), (_BATCH, 0.0)):
            for message in self._consumer.consume(count, seconds):
                self._take(message)
        return self.log.next_offset > before

    def close(self) -> None:
        """Leave; the catalog stays readable."""
        self._consumer.close()

    def _at(self, offset: int) -> TopicPartition:
        return TopicPartition(self._topic, PARTITION, offset)

    def _take(self, message: Message) -> None:
        error = message.error()
        offset = message.offset() or 0
        if error is None:
            # Nothing leaves this topic, so a gap is a record that was lost: by retention, by compaction.
            if offset > self.log.next_offset:
                raise self._cut(self.log.next_offset, offset)
            self.log.apply(message.value() or b"", offset)
        elif error.code() in _GONE:
            raise self._cut(self.log.next_offset)
        else:
            self._raise_if_hopeless(error)

    def _end(self, timeout_seconds: float) -> int:
        try:
            first, end = self._consumer.get_watermark_offsets(self._at(0), timeout=timeout_seconds)
        except KafkaException as error:
            self._raise_if_hopeless(error.args[0])
            raise self._unreachable(error.args[0].str()) from error
        if first > 0:
            raise self._cut(0, first)
        return int(end)

    def _note(self, error: KafkaError) -> None:
        self._problem = error

    def _raise_if_hopeless(self, error: KafkaError) -> None:
        if error.code() in MISSING_TOPIC:
            raise ConfigurationError(f"topic {self._topic} does not exist: run `tidegauge topics create`")
        if error.code() in _HOPELESS:
            raise ConfigurationError(f"topic {self._topic} may not be read: {error.str()}")

    def _unreachable(self, what: str) -> UnreachableError:
        known = f" ({self._problem.str()})" if self._problem else ""
        return UnreachableError(
            f"Kafka at {self._address}: {what}{known}; check kafka.bootstrap.servers and the security settings"
        )

    def _cut(self, wanted: int, found: int | None = None) -> LostStateError:
        follows = "" if found is None else f" (the next is {found})"
        return LostStateError(
            f"topic {self._topic} has lost the record at offset {wanted}{follows}. It must be kept for ever "
            "(cleanup.policy=delete, retention.ms=-1, retention.bytes=-1); restore it, or start under a new prefix"
        )
