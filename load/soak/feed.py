"""A process that sends a load: `python -m load.soak.feed` with one JSON object, see `Feeding`.

Each event leaves at its own instant, and one that leaves late is not moved (`load.generate.pace`); or, for the
calibration, as fast as it goes. A process of its own, so that it shares no lock with whoever measures.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from load.generate import PREDICTION, Drift, Encoded, LoadSpec, Source
from load.generate.encode import Message
from load.generate.pace import Pacer
from load.generate.producer import Sink
from load.soak.witness import Witness
from stream.kafka.topics import TopicNames

SLICE_SECONDS = 0.25
READY_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class Feeding:
    """What is to be sent, for how many seconds of the clock.

    Parameters
    ----------
    spec
        The load; its `per_second` is of event time, its start is now (where event time runs faster: so much earlier
        that it ends with the clock).
    paced
        False: at once, timestamps as if it were paced.
    speed
        Seconds of event time in one of the clock.
    """

    kafka: dict[str, str]
    prefix: str
    folder: str
    spec: LoadSpec
    seconds: float
    paced: bool = True
    speed: float = 1.0

    def text(self) -> str:
        """Return it as an argument."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, text: str) -> "Feeding":
        """Take in an argument."""
        given = json.loads(text)
        drifts = tuple(Drift(**drift) for drift in given["spec"]["drifts"])
        return cls(**{**given, "spec": LoadSpec(**{**given["spec"], "drifts": drifts})})

    def begun(self, now: float) -> "Feeding":
        """Return it with event time starting shortly after `now` (Unix seconds)."""
        start_ms = int((now + READY_SECONDS - self.seconds * (self.speed - 1)) * 1000)
        return dataclasses.replace(self, spec=dataclasses.replace(self.spec, start_ms=start_ms))


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
    began = time.time()
    given = given.begun(began)
    start_ms = given.spec.start_ms
    witness = Witness(start_ms // 1000)
    sink = WitnessedSink(given.kafka, TopicNames(given.prefix), witness, prompt=given.paced)
    slices = _slices(Source(given.spec), given)
    if given.paced:
        # Event time by the clock: the start is due READY_SECONDS after now.
        pacer = Pacer(sink, lambda: start_ms / 1000 + (time.time() - began - READY_SECONDS) * given.speed)
        sent = pacer.run(slices)
        median, high, most = (seconds / given.speed for seconds in sent.lag_seconds)
        failed, late = sent.failed, (median, high, most)
    else:
        for part in slices:
            sink.send(part.messages)
        failed, late = sink.flush(), (0.0, 0.0, 0.0)
    folder = Path(given.folder)
    witness.write(folder / "witness.json")
    fed = Fed(sink.predictions, sink.sent - sink.predictions, failed, sink.last_ms, late)
    (folder / "fed.json").write_text(json.dumps(dataclasses.asdict(fed)), encoding="ascii")


def _slices(source: Source, given: Feeding) -> Iterator[Encoded]:
    """Yield the load, in the end the labels that are still to come."""
    per_second = given.spec.per_second * given.speed
    size, until = max(1, round(per_second * SLICE_SECONDS)), time.monotonic() + given.seconds
    left = round(per_second * given.seconds)
    while left > 0 if given.paced else time.monotonic() < until:
        yield source.slice(min(size, left) if given.paced else size)
        left -= size
    yield source.rest()


if __name__ == "__main__":
    main(Feeding.read(sys.argv[1]))
