"""The two input logs of a shard: small, and full of trouble, with gaps, rubbish and a last watermark."""

import json
import random
from dataclasses import dataclass, field

from profiler_logs import Event, random_logs

from stream.profiler.messages import RawBatch

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
RUBBISH = (b"{", b"", None, b'{"prediction_id": 7}', b'{"type": "nothing"}')


@dataclass
class Log:
    """One partition of an input topic; only its first `visible` messages are there yet."""

    shard: int
    offsets: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    broker_ms: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rubbish: set[int] = field(default_factory=set)
    visible: int = 0

    @property
    def end(self) -> int:
        """The offset behind the last message that is there."""
        return self.offsets[self.visible - 1] + 1 if self.visible else 0

    @property
    def newest_ms(self) -> int:
        """Greatest time of an event that is there."""
        return max((e["timestamp_ms"] for e in self.events[: self.visible] if e), default=0)

    def since(self, offset: int, count: int) -> RawBatch:
        """Up to `count` messages from an offset on."""
        there = RawBatch(
            self.shard, self.offsets[: self.visible], self.broker_ms[: self.visible], self.values[: self.visible]
        )
        return there.since(offset).part(0, count)

    def good(self) -> list[Event]:
        """The events without the rubbish."""
        return [event for event in self.events if event]

    def add(self, event: Event | None, rng: random.Random) -> None:
        """Append an event, or rubbish; now and then an offset is left out, as a transaction's marker does."""
        offset = (self.offsets[-1] + 1 if self.offsets else 0) + (1 if self.offsets and rng.random() < 0.05 else 0)
        self.offsets.append(offset)
        self.events.append(event or {})
        if event is None:
            self.rubbish.add(offset)
            self.values.append(rng.choice(RUBBISH))
            self.broker_ms.append(-1)
            return
        self.values.append(json.dumps({k: v for k, v in event.items() if k != "broker_ms"}).encode())
        self.broker_ms.append(event["broker_ms"])


def draw_logs(rng: random.Random, shard: int, end_ms: int) -> dict[str, Log]:
    """Both logs of a shard, 25 to 50 messages together; the last one lifts the watermark to `end_ms`."""
    hours = rng.choice((1, 1, 3))
    rows, labels = random_logs(rng.randrange(1 << 30), predictions=rng.randrange(9, 18), hours=hours)
    last: Event = {"type": "watermark", "timestamp_ms": end_ms, "broker_ms": -1}
    logs = {}
    for role, events in (("predictions", rows), ("labels", labels)):
        log = logs[role] = Log(shard)
        for event in events:
            if rng.random() < 0.06:
                log.add(None, rng)
            log.add(event, rng)
        log.add(last, rng)
    return logs
