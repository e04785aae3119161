"""Every class with state, and the rows to try it on. To put a new one under the laws, add a case here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from detectors.adwin import WeightedAdwin
from detectors.binary_outcomes import BinaryOutcomes
from detectors.bottom_k import BottomK
from detectors.category_counts import CategoryCounts
from detectors.cell_counts import CellCounts
from detectors.cell_layout import CellLayout
from detectors.cusum import WinsorisedCusum
from detectors.exact_sum import ExactSum
from detectors.grid import Grid
from detectors.log_histogram import LogHistogram
from detectors.moments import Moments
from detectors.multiclass_outcomes import MulticlassOutcomes
from detectors.regression_outcomes import RegressionOutcomes
from detectors.vocabulary import Vocabulary

Batch = tuple[Any, ...]
"""Columns of equal length, the arguments of ``update``: arrays or lists."""


def update(sketch: Any, batch: Batch) -> None:
    sketch.update(*batch)


@dataclass(frozen=True)
class SketchCase:
    """A class that merges.

    ``draw`` gives rows; ``hostile`` rows may not raise and may not change ``view``; states are equal when their
    snapshots are, or where floating point forbids that, when ``close`` gives nearly equal numbers.
    """

    name: str
    new: Callable[[], Any]
    draw: Callable[[np.random.Generator, int], Batch]
    view: Callable[[Any], Sequence[Any]]
    max_bytes: int
    hostile: tuple[Batch, ...] = ()
    feed: Callable[[Any, Batch], None] = update
    take_back: Callable[[Any, Batch], None] | None = None
    close: Callable[[Any], Any] | None = None
    misfits: tuple[Callable[[], Any], ...] = ()


@dataclass(frozen=True)
class DetectorCase:
    """A class that takes a series step by step and tells of changes; ``skipped`` values leave no trace in alarms."""

    name: str
    new: Callable[[], Any]
    series: Callable[[np.random.Generator], Sequence[float]]
    skipped: tuple[float, ...]
    max_bytes: int


GRID = Grid(np.linspace(-2, 2, 41))
CARRIERS = Vocabulary(["UA", "DL", "AA"])
LAYOUT = CellLayout((GRID.size, CARRIERS.size))
NOT_NUMBERS = np.array([np.nan, np.inf, -np.inf])


def count_cells(sketch: CellCounts, batch: Batch) -> None:
    numbers, names = batch
    sketch.update(sketch.layout.flat([GRID.cells(numbers), CARRIERS.codes(names)]))


def draw_mixed(rng: np.random.Generator, n: int) -> Batch:
    return rng.normal(size=n), rng.choice(np.array(["UA", "DL", "AA", "ZZ", None], dtype=object), n).tolist()


def draw_numbers(rng: np.random.Generator, n: int) -> Batch:
    return (rng.normal(scale=100, size=n),)


def draw_matrix(rng: np.random.Generator, n: int) -> Batch:
    return (rng.normal(loc=(0, 1000, -5), scale=(1, 7, 0), size=(n, 3)),)


def draw_latencies(rng: np.random.Generator, n: int) -> Batch:
    return (rng.lognormal(3, 2, n),)


def draw_names(rng: np.random.Generator, n: int) -> Batch:
    return ([f"tail-{number}" for number in rng.zipf(1.3, n) % 5000],)


def draw_sample(rng: np.random.Generator, n: int) -> Batch:
    ids = [f"flight-{number}" for number in rng.integers(0, 3000, n)]
    hashes = np.array([xxhash.xxh3_64_intdigest(name.encode()) for name in ids], dtype=np.uint64)
    return hashes, ids, rng.normal(size=(n, 2))


def take_back(sketch: Any, batch: Batch) -> None:
    sketch.update(*batch, sign=-1)


def draw_binary(rng: np.random.Generator, n: int) -> Batch:
    return rng.random(n), rng.integers(0, 2, n).astype(float)


def draw_classes(rng: np.random.Generator, n: int) -> Batch:
    return rng.integers(0, 6, n).astype(float), rng.integers(-1, 5, n).astype(float)


def draw_regression(rng: np.random.Generator, n: int) -> Batch:
    return rng.normal(scale=1e4, size=n), rng.normal(scale=1e4, size=n)


def metrics(outcomes: Any) -> Sequence[float]:
    # NaN is an answer (no recall without positives); what counts is that it is the same answer.
    return [0.0 if np.isnan(value) else value for value in outcomes.result().values()]


def shifting(rng: np.random.Generator) -> Sequence[float]:
    series: list[float] = np.concatenate([rng.normal(mean, 1, 300) for mean in (0, 2, 0, -2)]).tolist()
    return series


SKETCHES = [
    SketchCase(
        name="cell_counts",
        new=lambda: CellCounts(LAYOUT),
        draw=draw_mixed,
        feed=count_cells,
        view=lambda counts: counts.feature(0)[: GRID.missing],
        hostile=((NOT_NUMBERS, ["UA", None, "\udcff\x00"]),),
        max_bytes=8 * LAYOUT.total + 100,
        misfits=(lambda: CellCounts(CellLayout((LAYOUT.total,))),),
    ),
    SketchCase(
        name="exact_sum",
        new=ExactSum,
        draw=draw_numbers,
        take_back=take_back,
        view=lambda exact: (exact.n, exact.total, exact.sum, exact.mean),
        hostile=((NOT_NUMBERS,), (np.array([1e308, -1e308, 2.0**31 + 1]),)),
        max_bytes=60,
    ),
    SketchCase(
        name="moments",
        new=lambda: Moments(3),
        draw=draw_matrix,
        view=lambda moments: (moments.n, moments.mean, moments.m2, moments.low, moments.high),
        close=lambda moments: np.concatenate((moments.n, moments.mean, moments.m2, moments.low, moments.high)),
        hostile=((np.repeat(NOT_NUMBERS, 3).reshape(3, 3),), (np.full((2, 3), 1e308),)),
        max_bytes=3 * 40 + 30,
        misfits=(lambda: Moments(2),),
    ),
    SketchCase(
        name="log_histogram",
        new=LogHistogram,
        draw=draw_latencies,
        view=lambda latency: [latency.count, *(latency.quantile(q) for q in (0, 0.5, 0.99, 1))],
        hostile=((NOT_NUMBERS,),),
        max_bytes=11_000,
        misfits=(lambda: LogHistogram(relative_error=0.02), lambda: LogHistogram(largest=1e7)),
    ),
    SketchCase(
        name="category_counts",
        new=lambda: CategoryCounts(limit=20),
        draw=draw_names,
        view=lambda categories: [len(categories.top(3))],
        hostile=((["", "\x00", "\ud800", "x" * 1_000_000, "ü" * 1000],),),
        max_bytes=20 * 300 + 100,
        misfits=(lambda: CategoryCounts(limit=21),),
    ),
    SketchCase(
        name="bottom_k",
        new=lambda: BottomK(k=50, width=2),
        draw=draw_sample,
        view=lambda sample: (sample.hashes.astype(np.float64), sample.values),
        hostile=((np.array([2**64 - 1, 2**64 - 1], dtype=np.uint64), ["\ud800", ""], np.full((2, 2), np.nan)),),
        max_bytes=50 * (8 + 16 + 16) + 100,
        misfits=(lambda: BottomK(k=51, width=2), lambda: BottomK(k=50, width=1)),
    ),
    SketchCase(
        name="binary_outcomes",
        new=BinaryOutcomes,
        draw=draw_binary,
        take_back=take_back,
        view=metrics,
        hostile=((np.append(NOT_NUMBERS, [0.5, 1.5, -0.1]), np.array([1, 0, 1, np.nan, 1, 0])),),
        max_bytes=4000,
        misfits=(lambda: BinaryOutcomes(threshold=0.4), lambda: BinaryOutcomes(bins=80)),
    ),
    SketchCase(
        name="multiclass_outcomes",
        new=lambda: MulticlassOutcomes(5),
        draw=draw_classes,
        take_back=take_back,
        view=metrics,
        hostile=((np.array([np.nan, 1.0]), np.array([1.0, np.nan])),),
        max_bytes=400,
        misfits=(lambda: MulticlassOutcomes(4),),
    ),
    SketchCase(
        name="regression_outcomes",
        new=RegressionOutcomes,
        draw=draw_regression,
        take_back=take_back,
        view=metrics,
        hostile=((NOT_NUMBERS, np.ones(3)), (np.array([1e308, 1.0]), np.array([1.0, -1e308]))),
        max_bytes=500,
    ),
]

DETECTORS = [
    DetectorCase(
        name="adwin_river",
        new=WeightedAdwin,
        series=shifting,
        skipped=(np.nan, np.inf, -np.inf, 1e308),
        max_bytes=5000,
    ),
    DetectorCase(
        name="adwin_moa",
        new=lambda: WeightedAdwin(mode="moa"),
        series=shifting,
        skipped=(np.nan, np.inf, -np.inf, 1e308),
        max_bytes=5000,
    ),
    DetectorCase(
        name="winsorised_cusum",
        new=WinsorisedCusum,
        series=shifting,
        skipped=(np.nan,),
        max_bytes=200,
    ),
]
