"""Service part: requests, errors and latency of one pane."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.errors import LayoutError
from detectors.log_histogram import LogHistogram
from detectors.packing import Reader, Writer
from stream.parts.grouping import Groups
from stream.parts.snapshots import read_counts

_VERSION = 1
_NO_SLO = -1


class ServicePart:
    """Counts of requests, errors and slow requests, and a histogram of latency.

    Parameters
    ----------
    slo_ms
        Latency above which a request counts as slow (exclusive); None counts none.

    Attributes
    ----------
    rows, errors
        Requests, and those that failed.
    latency_n, over_slo
        Requests that stated a latency, and the slow ones among them: counted exactly, not read off the histogram.
    latency
        Latency in milliseconds, quantiles within 1 %.
    """

    __slots__ = ("errors", "latency", "latency_n", "over_slo", "rows", "slo_ms")

    def __init__(self, slo_ms: int | None) -> None:
        self.slo_ms = slo_ms
        self.rows = 0
        self.errors = 0
        self.latency_n = 0
        self.over_slo = 0
        self.latency = LogHistogram()

    def merge(self, other: Self) -> None:
        """Add another part's requests; raises LayoutError if its `slo_ms` differs."""
        if other.slo_ms != self.slo_ms:
            raise LayoutError(f"service parts counted against different limits: {self.slo_ms} and {other.slo_ms} ms")
        self.rows += other.rows
        self.errors += other.errors
        self.latency_n += other.latency_n
        self.over_slo += other.over_slo
        self.latency.merge(other.latency)

    def snapshot(self) -> bytes:
        """Return the state as bytes; some 60 plus a few for each latency bucket in use."""
        slo_ms = _NO_SLO if self.slo_ms is None else self.slo_ms
        counts = (slo_ms, self.rows, self.errors, self.latency_n, self.over_slo)
        return Writer(_VERSION).counts(*counts).blob(self.latency.snapshot()).finish()

    @classmethod
    def from_snapshot(cls, data: bytes) -> Self:
        """Return the part that was snapshot; raises SnapshotError for bad bytes or a newer version."""
        reader = Reader(data, _VERSION)
        slo_ms, rows, errors, latency_n, over_slo = read_counts(reader, 5)
        part = cls(None if slo_ms == _NO_SLO else slo_ms)
        part.rows, part.errors, part.latency_n, part.over_slo = rows, errors, latency_n, over_slo
        part.latency = LogHistogram.from_snapshot(reader.blob())
        reader.finish()
        return part


def add_to_service(
    parts: Sequence[ServicePart], groups: Groups, latency_ms: NDArray[np.float64], error: NDArray[np.bool_]
) -> None:
    """Add the requests of each group to its part; latency NaN is a request that stated none."""
    starts, owner = groups.bounds[:-1], groups.of_row
    latency = latency_ms[groups.rows]
    stated = ~np.isnan(latency)
    limits = np.array([np.inf if part.slo_ms is None else part.slo_ms for part in parts])
    errors = np.add.reduceat(error[groups.rows], starts, dtype=np.int64).tolist()
    known = np.add.reduceat(stated, starts, dtype=np.int64).tolist()
    slow = np.add.reduceat(latency > limits[owner], starts, dtype=np.int64).tolist()
    sizes = np.diff(groups.bounds).tolist()
    for part, size, failed, n, over in zip(parts, sizes, errors, known, slow, strict=True):
        part.rows += size
        part.errors += failed
        part.latency_n += n
        part.over_slo += over
    if not stated.all():
        latency, owner = latency[stated], owner[stated]
    LogHistogram.add_groups([part.latency for part in parts], latency, owner)
