"""The join log: what a shard remembers of predictions and labels until no partner can come any more.

Not a key a prediction but packed records of 24 bytes: in memory sorted runs, in Redis append-only buckets of event
time that expire whole.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.profiler.runs import Hashes, Int64, Records, SortedRuns, pick

LATE = 1
"""Bit of `flags` (predictions) and of `position` (labels): the row was late at its own position in the log."""

KIND_SHIFT, POSITION_SHIFT = 1, 3
"""A label's `position` holds its offset above two bits of kind (number, text, bool, named) and the late bit."""


@dataclass(frozen=True)
class RecordFormat:
    """One kind of record: its buckets' name, its type in memory (absolute time) and in Redis (time in the bucket)."""

    name: str
    memory: np.dtype[Any]
    stored: np.dtype[Any]


PREDICTION_RECORD = RecordFormat(
    "p",
    np.dtype([("hash", "<u8"), ("ts_ms", "<i8"), ("context", "<u4"), ("score", "<f4"), ("flags", "<u4")]),
    np.dtype([("hash", "<u8"), ("context", "<u4"), ("ms", "<u4"), ("score", "<f4"), ("flags", "<u4")]),
)
LABEL_RECORD = RecordFormat(
    "l",
    np.dtype([("hash", "<u8"), ("ts_ms", "<i8"), ("position", "<u8"), ("value", "<f4")]),
    np.dtype([("hash", "<u8"), ("position", "<u8"), ("ms", "<u4"), ("value", "<f4")]),
)


class TimedLog:
    """Records of one kind by hash, with their buckets of event time.

    Parameters
    ----------
    record
        The kind of record.
    bucket_ms
        Width of a bucket, below 2**32 ms (49 days).

    Notes
    -----
    Memory: 28 bytes a record, and 1 or 2 for the index of the long runs. The bucket's name is "<kind>|<start in ms>".
    """

    def __init__(self, record: RecordFormat, bucket_ms: int) -> None:
        self.record, self.bucket_ms = record, bucket_ms
        self._runs = SortedRuns(record.memory)
        self._staged: dict[int, list[bytes]] = {}
        self._buckets: set[int] = set()
        self._dropped: list[int] = []

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def buckets(self) -> list[int]:
        """Starts of the buckets that are held, rising."""
        return sorted(self._buckets)

    def append(self, records: Records) -> None:
        """Remember records, and stage them for the next checkpoint."""
        if not len(records):
            return
        self._runs.append(records)
        starts = records["ts_ms"] // self.bucket_ms * self.bucket_ms
        one = bool((starts == starts[0]).all())
        for start in [int(starts[0])] if one else np.unique(starts).tolist():
            rows = records if one else pick(records, np.flatnonzero(starts == start))
            self._staged.setdefault(start, []).append(self._pack(rows, start))
            self._buckets.add(start)

    def find(self, hashes: Hashes) -> tuple[Int64, Records]:
        """Return (index into `hashes`, record) of every record with one of the hashes."""
        return self._runs.find(hashes)

    def held(self, field: str, count: int) -> NDArray[np.bool_]:
        """Return bool[count]: whether any record has that number in a field. O(records), 2 ns each."""
        return self._runs.held(field, count)

    def free(self, before_ms: int) -> list[int]:
        """Forget the buckets that end at or before `before_ms`; returns their starts."""
        gone = sorted(start for start in self._buckets if start + self.bucket_ms <= before_ms)
        if gone:
            self._buckets.difference_update(gone)
            self._runs.keep("ts_ms", gone[-1] + self.bucket_ms)
            for start in gone:
                self._staged.pop(start, None)
            self._dropped.extend(gone)
        return gone

    def take_changes(self) -> tuple[dict[str, bytes], tuple[str, ...]]:
        """Return what to append to which bucket, and which buckets to drop, since the last call."""
        appends = {self._name(start): b"".join(parts) for start, parts in self._staged.items()}
        dropped = tuple(self._name(start) for start in self._dropped)
        self._staged, self._dropped = {}, []
        return appends, dropped

    def load(self, buckets: dict[str, bytes]) -> None:
        """Take in the buckets of this kind from stored state; others are left alone."""
        batches = []
        for name, data in sorted(buckets.items()):
            kind, _, start = name.partition("|")
            if kind == self.record.name:
                self._buckets.add(int(start))
                batches.append(self._unpack(data, int(start)))
        if batches:
            self._runs.append(np.concatenate(batches))

    def _name(self, start_ms: int) -> str:
        return f"{self.record.name}|{start_ms}"

    def _pack(self, records: Records, start_ms: int) -> bytes:
        stored = np.empty(len(records), dtype=self.record.stored)
        for name in self.record.stored.names or ():
            stored[name] = records["ts_ms"] - start_ms if name == "ms" else records[name]
        return stored.tobytes()

    def _unpack(self, data: bytes, start_ms: int) -> Records:
        stored: NDArray[np.void] = np.frombuffer(data, dtype=self.record.stored)
        records = np.empty(len(stored), dtype=self.record.memory)
        for name in self.record.memory.names or ():
            records[name] = stored["ms"].astype(np.int64) + start_ms if name == "ts_ms" else stored[name]
        return records
