"""A process that sends the load: `python -m load.soak.feed` with one JSON object, see `Feeding`.

Each event leaves at its own instant, and one that leaves late is not moved (`load.generate.pace`); or, for the
calibration, as fast as it goes. A process of its own, so that it shares no lock with whoever measures.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from load.generate import PREDICTION, Encoded, Source
from load.generate.encode import Message
from load.generate.pace import Pacer
from load.generate.producer import Sink
from load.soak.site import standard
from load.soak.witness import Witness
from stream.kafka.topics import TopicNames

SLICE_SECONDS = 0.25
READY_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class Feeding:
    """What is to be sent; `paced` False: at once, timestamps `per_second` apart all the same."""

    kafka: dict[str, str]
    prefix: str
    folder: str
    per_second: float
    seconds: float
    seed: int
    paced: bool = True

    def text(self) -> str:
        """Return it as an argument."""
        return json.dumps(dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class Fed:
    """What was sent, and by how much messages left after their instant (median, p99, most)."""

    predictions: int
    labels: int
    failed: int
    last_ms: int
    late_seconds: tuple[float, float, float]


class WitnessedSink(Sink):
    """A sink that tells a witness what leaves now, and counts predictions and labels."""

    def __init__(self, kafka: dict[str, str], names: TopicNames, witness: Witness, *, prompt: bool) -> None:
        super().__init__(kafka, names, prompt=prompt)
        self._witness = witness
        self.predictions = 0
        self.last_ms = 0

    def send(self, messages: Iterable[Message]) -> None:
        """Note the messages and send them."""
        messages = list(messages)
        if messages:
            self._witness.note(messages, time.time())
            self.predictions += sum(message.kind == PREDICTION for message in messages)
            self.last_ms = messages[-1].at_ms
        super().send(messages)


def main(given: Feeding) -> None:
    """Send everything, and write down what it was."""
    start_ms = int((time.time() + READY_SECONDS) * 1000)
    source = Source(standard(given.per_second, given.seed, start_ms))
    witness = Witness(start_ms // 1000)
    sink = WitnessedSink(given.kafka, TopicNames(given.prefix), witness, prompt=given.paced)
    slices = _slices(source, given)
    if given.paced:
        sent = Pacer(sink).run(slices)
        failed, late = sent.failed, sent.lag_seconds
    else:
        for part in slices:
            sink.send(part.messages)
        failed, late = sink.flush(), (0.0, 0.0, 0.0)
    folder = Path(given.folder)
    witness.write(folder / "witness.json")
    fed = Fed(sink.predictions, sink.sent - sink.predictions, failed, sink.last_ms, late)
    (folder / "fed.json").write_text(json.dumps(dataclasses.asdict(fed)), encoding="ascii")


def _slices(source: Source, given: Feeding) -> Iterator[Encoded]:
    """Yield the load for so many seconds: of event time, or of the clock when it is sent at once."""
    size, until = max(1, round(given.per_second * SLICE_SECONDS)), time.monotonic() + given.seconds
    left = round(given.per_second * given.seconds)
    while left > 0 if given.paced else time.monotonic() < until:
        yield source.slice(min(size, left) if given.paced else size)
        left -= size
    yield source.rest()


if __name__ == "__main__":
    main(Feeding(**json.loads(sys.argv[1])))
