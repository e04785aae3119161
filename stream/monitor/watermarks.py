"""How far all shards have read: what may be decided."""

import msgspec

from stream.monitor.fields import Fields
from stream.monitor.streams import field_name
from tidegauge.profiles import ShardWatermark, WatermarkReport

PREFIX = "w"
NEVER_MS = -(1 << 62)
"""The watermark while a shard has not reported."""


class Watermarks:
    """The newest watermarks of every shard.

    They only rise: a new owner that starts from its last checkpoint may report less than its predecessor did, but what
    was decided stays decided. So repeats and old reports change nothing.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._shards: dict[int, ShardWatermark] = {}
        self._heard: set[int] = set()
        self.partitions = 0

    def apply(self, report: WatermarkReport) -> None:
        """Take in one worker's report."""
        if report.partitions > self.partitions:
            self.partitions = report.partitions
            self._fields.put(field_name(PREFIX), msgspec.msgpack.encode(self.partitions))
        self._heard.update(shard.shard for shard in report.shards)
        for shard in report.shards:
            before = self._shards.get(shard.shard)
            after = shard if before is None else _risen(before, shard)
            if after != before:
                self._shards[shard.shard] = after
                self._fields.put(field_name(PREFIX, shard.shard), msgspec.msgpack.encode(after))

    def of(self, shard: int) -> ShardWatermark | None:
        """Return how far one shard has told, None before it did."""
        return self._shards.get(shard)

    @property
    def predictions_ms(self) -> int:
        """Event time that every shard's predictions have reached."""
        return min((w.predictions_ms for w in self._known()), default=NEVER_MS)

    @property
    def outcomes_ms(self) -> int:
        """Event time that every shard has reached on both topics.

        Outcomes wait for the predictions too: then an alert on performance finds all drift up to its own instant
        decided, and the order of decisions does not depend on how the topics interleave.
        """
        return min((min(w.predictions_ms, w.labels_ms) for w in self._known()), default=NEVER_MS)

    def without_labels(self, until_ms: int) -> bool:
        """Whether no label of before an instant is to come: each shard has passed it, or never had a label at all."""
        known = self._known()
        return bool(known) and all(w.unlabelled or min(w.predictions_ms, w.labels_ms) >= until_ms for w in known)

    @property
    def newest_ms(self) -> int:
        """Greatest event time any shard has seen."""
        return max((w.newest_ms for w in self._shards.values()), default=NEVER_MS)

    @property
    def complete(self) -> bool:
        """Whether no shard's watermark moved by the clock alone."""
        return not any(w.idle for w in self._shards.values())

    @property
    def all_idle(self) -> bool:
        """Whether every shard's watermark moves by the clock alone."""
        known = self._known()
        return bool(known) and all(w.idle for w in known)

    @property
    def losses(self) -> list[tuple[int, str, int]]:
        """Shards that went on without something: number, what, and when their owner began."""
        return [(number, w.loss, w.epoch) for number, w in sorted(self._shards.items()) if w.loss]

    def take_heard(self) -> set[int]:
        """Return the shards that were reported since the last call, news or not: their owners live."""
        heard, self._heard = self._heard, set()
        return heard

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored field back."""
        if not key:
            self.partitions = msgspec.msgpack.decode(data, type=int)
            return
        shard = msgspec.msgpack.decode(data, type=ShardWatermark)
        self._shards[shard.shard] = shard

    def _known(self) -> list[ShardWatermark]:
        """Every shard's watermark, or nothing while one is missing."""
        everyone = self.partitions > 0 and len(self._shards) >= self.partitions
        return list(self._shards.values()) if everyone else []


def _risen(before: ShardWatermark, after: ShardWatermark) -> ShardWatermark:
    newest = max(before, after, key=_age)
    predictions_ms, labels_ms = _reached(before, after)
    return ShardWatermark(
        shard=before.shard,
        epoch=newest.epoch,
        seq=newest.seq,
        predictions_ms=predictions_ms,
        labels_ms=labels_ms,
        newest_ms=max(before.newest_ms, after.newest_ms),
        idle=newest.idle,
        loss=newest.loss,
        unlabelled=newest.unlabelled,
    )


def _reached(before: ShardWatermark, after: ShardWatermark) -> tuple[int, int]:
    """Return how far both reports together say that predictions, and labels that met them, were told.

    One history of a shard only rises in both. Two reports of which each is ahead in one topic are of two histories:
    the store failed over to a replica that lags, and the topics were read in another order. The predictions of one and
    the labels of the other never met: outcomes reach as far as one of the two told by itself.
    """
    predictions_ms = max(before.predictions_ms, after.predictions_ms)
    ahead = after.predictions_ms - before.predictions_ms, after.labels_ms - before.labels_ms
    if min(ahead) < 0 < max(ahead):
        outcomes = (min(w.predictions_ms, w.labels_ms) for w in (before, after))
        return predictions_ms, max(outcomes)
    return predictions_ms, max(before.labels_ms, after.labels_ms)


def _age(watermark: ShardWatermark) -> tuple[int, int, int, int, bool, bool, bool]:
    """Order in which one shard's watermarks were made; what was lost is told until it is not any more."""
    order = (watermark.epoch, watermark.seq, watermark.predictions_ms, watermark.labels_ms)
    return (*order, watermark.idle, not watermark.loss, watermark.unlabelled)
