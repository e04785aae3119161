"""Long runs are indexed by the first bits of their hashes: they must find what a plain search finds."""

import numpy as np
import pytest

from stream.profiler.join_log import LABEL_RECORD
from stream.profiler.runs import INDEXED_FROM, Hashes, Records, SortedRuns

GREATEST = np.iinfo(np.uint64).max


def records(hashes: Hashes) -> Records:
    out = np.zeros(len(hashes), dtype=LABEL_RECORD.memory)
    out["hash"], out["position"] = hashes, np.arange(len(hashes))
    return out


def spread(rng: np.random.Generator, count: int) -> Hashes:
    hashes = rng.integers(0, GREATEST, count, dtype=np.uint64, endpoint=True)
    hashes[rng.integers(0, count, count // 10)] = hashes[rng.integers(0, count, count // 10)]
    hashes[rng.integers(0, count, 5)] = [0, 0, GREATEST, GREATEST, 1 << 63]
    return hashes


def crowded(rng: np.random.Generator, count: int) -> Hashes:
    return rng.integers(0, count, count, dtype=np.uint64)


@pytest.mark.parametrize("draw", [spread, crowded])
@pytest.mark.parametrize("batch", [500, 3 * INDEXED_FROM])
def test_indexed_runs_find_what_a_dictionary_finds(draw: object, batch: int) -> None:
    rng = np.random.default_rng(batch)
    hashes = draw(rng, 3 * INDEXED_FROM)  # type: ignore[operator]
    some = records(hashes)
    runs = SortedRuns(LABEL_RECORD.memory)
    for first in range(0, len(some), batch):
        runs.append(some[first : first + batch])
    assert any(run._starts is not None for run in runs._runs) == (draw is spread)
    absent = rng.integers(0, GREATEST, 500, dtype=np.uint64)
    wanted = np.concatenate([rng.choice(hashes, 1_000), absent, np.array([0, 1, GREATEST], dtype=np.uint64)])
    index, found = runs.find(wanted)
    assert (found["hash"] == wanted[index]).all()
    plain: dict[int, list[int]] = {}
    for position, key in enumerate(hashes.tolist()):
        plain.setdefault(key, []).append(position)
    expected = sorted((i, p) for i, key in enumerate(wanted.tolist()) for p in plain.get(key, []))
    assert sorted(zip(index.tolist(), found["position"].tolist(), strict=True)) == expected


def test_equal_hashes_keep_their_order_of_arrival() -> None:
    runs = SortedRuns(LABEL_RECORD.memory)
    some = records(np.full(100, 7, dtype=np.uint64))
    for first in range(0, 100, 7):
        runs.append(some[first : first + 7])
    for run in runs._runs:
        assert (np.diff(run.rest["position"].astype(np.int64)) > 0).all()


def test_a_record_costs_30_bytes() -> None:
    runs = SortedRuns(LABEL_RECORD.memory)
    runs.append(records(spread(np.random.default_rng(1), 1 << 17)))
    (run,) = runs._runs
    assert run._starts is not None
    assert run.keys.nbytes + run.rest.nbytes + run._starts.nbytes < 31 * len(runs)
