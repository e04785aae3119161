"""Sorted runs that double: an append-only multimap from 64-bit hashes to fixed-size records.

Like the levels of an LSM tree: a batch becomes a run, and runs of similar size are merged, so there are O(log n) of
them and each record is moved O(log n) times. A look-up is one binary search a run, vectorised over the batch. Measured
at 14 bytes a record: .17 us to insert, .2 us to look up among 10^6, 1.3 us among 10^7.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]
Int64 = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class SortedRuns:
    """Records of one structured type whose field `hash` (u64) is the key; equal keys keep their order of arrival."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._runs: list[Records] = []
        # The keys again, contiguous: a binary search in a strided field touches a cache line a step.
        self._keys: list[Hashes] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def append(self, records: Records) -> None:
        """Add records in their order of arrival. Amortised O(log n) moves a record."""
        if not len(records):
            return
        self._push(records)
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            newer, older = self._pop(), self._pop()
            self._push(np.concatenate([older, newer]))

    def find(self, hashes: Hashes) -> tuple[Int64, Records]:
        """All records of the given hashes, as (index into `hashes`, record) pairs in no particular order."""
        if not self._runs:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self.dtype)
        indices: list[Int64] = []
        found: list[Records] = []
        # Sorted, because neighbours then end in the same cache lines: half the time among 10^5, a fifth among 10^7.
        order = np.argsort(hashes)
        wanted = hashes[order]
        for run, keys in zip(self._runs, self._keys, strict=True):
            left = np.searchsorted(keys, wanted, side="left")
            hit = np.flatnonzero(keys[np.minimum(left, len(keys) - 1)] == wanted)
            if not len(hit):
                continue
            counts = np.searchsorted(keys, wanted[hit], side="right") - left[hit]
            indices.append(np.repeat(order[hit], counts))
            found.append(pick(run, _ranges(left[hit], counts)))
        if not indices:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self.dtype)
        return np.concatenate(indices), np.concatenate(found)

    def keep(self, field: str, least: int) -> int:
        """Forget records whose `field` is below `least`; returns how many. O(n)."""
        forgotten = 0
        runs, self._runs, self._keys = self._runs, [], []
        for run in runs:
            kept = pick(run, np.flatnonzero(run[field] >= least))
            forgotten += len(run) - len(kept)
            if len(kept):
                self._runs.append(kept)
                self._keys.append(np.ascontiguousarray(kept["hash"]))
        return forgotten

    def _push(self, records: Records) -> None:
        # Stable, and nearly linear on two sorted halves: timsort finds the runs.
        order = np.argsort(records["hash"], kind="stable")
        run = pick(records, order)
        self._runs.append(run)
        self._keys.append(np.ascontiguousarray(run["hash"]))

    def _pop(self) -> Records:
        self._keys.pop()
        return self._runs.pop()


def pick(records: Records, rows: Int64) -> Records:
    """Return some records. As plain bytes: NumPy copies a structured record field by field, ten times slower."""
    picked: Records = np.take(records.view(np.dtype((np.void, records.dtype.itemsize))), rows).view(records.dtype)
    return picked


def distinct(predictions: Records) -> tuple[Int64, Int64]:
    """First row of each distinct prediction (hash, time, context), and for each row which of them it is."""
    order = np.lexsort((predictions["context"], predictions["ts_ms"], predictions["hash"]))
    ordered = predictions[order]
    starts = np.ones(len(order), dtype=np.bool_)
    starts[1:] = False
    for name in ("hash", "ts_ms", "context"):
        starts[1:] |= ordered[name][1:] != ordered[name][:-1]
    which = np.empty(len(order), dtype=np.int64)
    which[order] = np.cumsum(starts) - 1
    return order[starts], which


def _ranges(starts: Int64, counts: Int64) -> Int64:
    """Concatenation of [start, start + count) for each pair."""
    ends = np.cumsum(counts)
    result: Int64 = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
    return result
