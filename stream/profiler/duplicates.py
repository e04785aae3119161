"""Repeats of a prediction: the same (model, version, id) within the label horizon of the first one."""

import numpy as np
from numpy.typing import NDArray

from stream.profiler.join_log import TimedLog
from stream.profiler.names import OTHER, Names
from stream.profiler.resolve import Resolver
from stream.profiler.runs import Records

Bool = NDArray[np.bool_]


def first_of_each(records: Records, log: TimedLog, resolver: Resolver) -> Bool:
    """Which of some new predictions, in the order of their log, are no repeats of those in `log` or of each other.

    Decided one after the other only where a hash is met again: rare, unless versions shadow each other.
    """
    keep = np.ones(len(records), dtype=np.bool_)
    index, known = log.find(records["hash"])
    ordered = np.sort(records["hash"])
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(index) and not len(repeated):
        return keep
    suspects = np.union1d(index, np.flatnonzero(np.isin(records["hash"], repeated)))
    horizons = np.zeros(len(records), dtype=np.int64)
    horizons[suspects] = resolver.horizons_ms(resolver.kinds_of(records[suspects]))
    names, known_ms = resolver.names, resolver.horizons_ms(resolver.kinds_of(known)).tolist()
    seen: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for record, horizon_ms in zip(known, known_ms, strict=True):
        seen.setdefault(_key(record, names), []).append((int(record["ts_ms"]), horizon_ms))
    for row in suspects.tolist():
        key = _key(records[row], names)
        firsts = seen.setdefault(key, [])
        # The first one may have come when there was no room for its version's name.
        unnamed = seen.get((key[0], OTHER), []) if key[1] != OTHER else []
        ts_ms = int(records["ts_ms"][row])
        if any(abs(ts_ms - first_ms) <= horizon_ms for first_ms, horizon_ms in (*firsts, *unnamed)):
            keep[row] = False
        else:
            firsts.append((ts_ms, int(horizons[row])))
    return keep


def _key(record: np.void, names: Names) -> tuple[int, str]:
    return int(record["hash"]), names.resolve(int(record["context"])).version
