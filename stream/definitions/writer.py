"""Writing to the `models` topic: publish, read back, and see whether the change won."""

from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, Message

from stream.definitions.reader import PARTITION, DefinitionReader
from stream.definitions.records import content_hash
from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.clients import make_producer
from tidegauge.kafka_settings import ORDERED

WRITE_TIMEOUT_SECONDS: Final = 30.0

# A manifest must never overtake its slices, nor a retry repeat a record.
_OURS: Final = {
    **ORDERED,
    "compression.type": "none",  # slices are compressed already, heads are small and read by people
    "linger.ms": 0,
}


class LostRaceError(ConfigurationError):
    """Another change of the same model came first; nothing of this one is in force."""


class DefinitionWriter:
    """Appends records to the `models` topic; needs WRITE on it.

    Parameters
    ----------
    settings
        librdkafka's settings.
    topic
        Name of the `models` topic.
    reader
        Reads the records back; only this thread may use it meanwhile.
    """

    def __init__(self, settings: Mapping[str, str], topic: str, reader: DefinitionReader) -> None:
        self._topic = topic
        self._reader = reader
        self._address = settings.get("bootstrap.servers", "")
        self._producer = make_producer({**settings, **_OURS})

    def publish(self, model: str, records: Sequence[bytes], timeout_seconds: float = WRITE_TIMEOUT_SECONDS) -> None:
        """Append records in order, the slices before the heads that name them, and wait until they are read back.

        Repeating it is harmless: a head that was accepted stays so.

        Raises
        ------
        LostRaceError
            When a head was not accepted, because the model changed since its predecessor was read.
        UnreachableError
            When Kafka did not confirm in time; the records may or may not be there.
        ConfigurationError
            When Kafka refuses a record for good.
        """
        if not records:
            return
        last = self._append(model, records, timeout_seconds)
        self._reader.read_past(last, timeout_seconds)
        accepted = self._reader.log.history(model).accepted
        heads = [content_hash(raw) for raw in records if raw.startswith(b"{")]
        if any(head not in accepted for head in heads):
            raise LostRaceError(
                f"{model} was changed by somebody else in the meantime: nothing was applied. Look at that change, then "
                "apply yours again"
            )

    def _append(self, model: str, records: Sequence[bytes], timeout_seconds: float) -> int:
        """Return the offset of the last record."""
        delivery = _Delivery()
        for raw in records:
            self._producer.produce(self._topic, raw, model.encode(), partition=PARTITION, on_delivery=delivery.take)
        unsent = self._producer.flush(timeout_seconds)
        if delivery.error is not None:
            raise self._refused(delivery.error)
        if unsent:
            raise UnreachableError(
                f"Kafka at {self._address} did not confirm {unsent} of {len(records)} records in "
                f"{timeout_seconds:g} s; applying again is harmless"
            )
        return delivery.last

    def _refused(self, error: KafkaError) -> Exception:
        text = f"Kafka at {self._address} did not take the records of {self._topic}: {error.str()}"
        if error.retriable() or error.code() == KafkaError._MSG_TIMED_OUT:  # noqa: SLF001 - librdkafka's local errors are named so
            return UnreachableError(f"{text}; applying again is harmless")
        return ConfigurationError(text)


class _Delivery:
    """What the producer reports about the records of one publication."""

    def __init__(self) -> None:
        self.last = -1
        self.error: KafkaError | None = None

    def take(self, error: KafkaError | None, message: Message) -> None:
        """Note one report."""
        if error is not None:
            self.error = self.error or error
        else:
            self.last = max(self.last, message.offset() or 0)
