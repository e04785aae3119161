"""Sorted runs that double: an append-only multimap from 64-bit hashes to fixed-size records.

Like the levels of an LSM tree: a batch becomes a run, and runs of similar size are merged, so there are O(log n) of
them and each record is moved O(log n) times. A long run knows where the hashes of each bucket (their first bits) begin,
so a look-up is a table's entry and four or five comparisons a run, vectorised over the batch.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]
Int64 = NDArray[np.int64]
Hashes = NDArray[np.uint64]


INDEXED_FROM: Final = 1 << 14
"""A shorter run lies in the cache: searched, it is found as fast."""
KEYS_PER_BUCKET: Final = 4
MOST_IN_A_BUCKET: Final = 31
"""A run with more in any one is searched: its hashes are not what hashes should be."""

_AT_ONCE: Final = 1 << 20
_GREATEST: Final = np.iinfo(np.uint64).max


class _Run:
    """Records sorted by key, and where the keys of each bucket (their first bits) begin."""

    __slots__ = ("_first_step", "_shift", "_starts", "keys", "rest", "size")

    def __init__(self, keys: Hashes, rest: Records) -> None:
        self.size, self.rest = len(keys), rest
        # Behind them some that no key is above: every look-up ends within the array.
        self.keys: Hashes = np.append(keys, np.full(MOST_IN_A_BUCKET + 1, _GREATEST, dtype=np.uint64))
        self._starts: NDArray[np.uint32] | None = None
        self._shift, self._first_step = np.uint64(0), 0
        if self.size >= INDEXED_FROM:
            self._index()

    def places(self, wanted: Hashes) -> Int64:
        """Where the first key that is not below each of some hashes stands, `size` behind all."""
        if self._starts is None:
            found: Int64 = np.searchsorted(self.keys[: self.size], wanted, side="left")
            return found
        places: Int64 = self._starts[wanted >> self._shift].astype(np.int64)
        step = self._first_step
        while step:
            # Either the next `step` keys are all below, or the place is among them; later buckets are above anyway.
            places += step * (self.keys[places + (step - 1)] < wanted)
            step //= 2
        return places

    def counts(self, places: Int64) -> Int64:
        """How many equal keys stand from each of some places on."""
        counts = np.ones(len(places), dtype=np.int64)
        # The last key may be equal to the one behind all.
        several = np.flatnonzero((self.keys[places + 1] == self.keys[places]) & (places + 1 < self.size))
        if several.size:
            first = places[several]
            counts[several] = np.searchsorted(self.keys[: self.size], self.keys[first], side="right") - first
        return counts

    def _index(self) -> None:
        bits = (self.size // KEYS_PER_BUCKET).bit_length()
        shift = np.uint64(64 - bits)
        held = np.bincount((self.keys[: self.size] >> shift).astype(np.int64), minlength=1 << bits)
        most = int(held.max())
        if most <= MOST_IN_A_BUCKET:
            self._starts, self._shift = (np.cumsum(held) - held).astype(np.uint32), shift
            self._first_step = 1 << (most.bit_length() - 1)


class SortedRuns:
    """Records of one structured type whose field `hash` (u64) is the key; equal keys keep their order of arrival."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        # Keys and the rest apart: a search in a strided field touches a cache line a step.
        self._rest = np.dtype([(name, dtype[name]) for name in dtype.names or () if name != "hash"])
        self._runs: list[_Run] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def append(self, records: Records) -> None:
        """Add records in their order of arrival. Amortised O(log n) moves a record."""
        if not len(records):
            return
        rest = np.empty(len(records), dtype=self._rest)
        for name in self._rest.names or ():
            rest[name] = records[name]
        merged = [(np.ascontiguousarray(records["hash"]), rest)]
        size = len(records)
        # All that is to be merged at once: pair by pair the smallest would be moved several times.
        while self._runs and self._runs[-1].size < 2 * size:
            run = self._runs.pop()
            merged.append((run.keys[: run.size], run.rest))
            size += run.size
        merged.reverse()
        keys = np.concatenate([keys for keys, _ in merged])
        # Stable, and nearly linear on a few sorted pieces: timsort finds the runs.
        order = np.argsort(keys, kind="stable")
        self._runs.append(_Run(keys[order], pick(np.concatenate([rest for _, rest in merged]), order)))

    def find(self, hashes: Hashes) -> tuple[Int64, Records]:
        """All records of the given hashes, as (index into `hashes`, record) pairs in no particular order."""
        if not self._runs:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self.dtype)
        indices: list[Int64] = []
        found: list[Records] = []
        # Sorted, because neighbours then end in the same cache lines: half the time among 10^5, a fifth among 10^7.
        order = np.argsort(hashes)
        wanted = hashes[order]
        for run in self._runs:
            left = run.places(wanted)
            hit = np.flatnonzero((run.keys[left] == wanted) & (left < run.size))
            if not len(hit):
                continue
            counts = run.counts(left[hit])
            indices.append(np.repeat(order[hit], counts))
            places = _ranges(left[hit], counts)
            found.append(self._whole(run.keys[places], pick(run.rest, places)))
        if not indices:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=self.dtype)
        return np.concatenate(indices), np.concatenate(found)

    def held(self, field: str, count: int) -> NDArray[np.bool_]:
        """Return bool[count]: whether any record has that number in a field of numbers below `count`."""
        found = np.zeros(count, dtype=np.bool_)
        for run in self._runs:
            for start in range(0, run.size, _AT_ONCE):  # indices are made int64: not of all at once
                found[run.rest[field][start : start + _AT_ONCE]] = True
        return found

    def keep(self, field: str, least: int) -> int:
        """Forget records whose `field` is below `least`; returns how many. O(n)."""
        forgotten = 0
        runs, self._runs = self._runs, []
        for run in runs:
            stays = run.rest[field] >= least
            kept = int(np.count_nonzero(stays))
            forgotten += run.size - kept
            if kept:
                self._runs.append(_Run(run.keys[: run.size][stays], run.rest[stays]))
        return forgotten

    def _whole(self, keys: Hashes, rest: Records) -> Records:
        records = np.empty(len(keys), dtype=self.dtype)
        records["hash"] = keys
        for name in self._rest.names or ():
            records[name] = rest[name]
        return records


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
