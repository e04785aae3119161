"""A model in a synthetic world: days of traffic through the real parts, and the messages that four shards publish."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.grid import make_grid
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.model.compiled import SCORE, CompiledModel, PaneSchemes
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.parts.assemble import RawRows, assemble
from stream.parts.columns import OutcomeRows
from stream.parts.keys import segment_label
from stream.parts.store import PartStore
from stream.timeline.durations import DAY_MS, MS_PER_UNIT
from tidegauge.alerts import Alert
from tidegauge.codec import encode_profiles
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid, ReferenceSpec
from tidegauge.profiles import ProfileBundle, ShardWatermark, WatermarkReport

DAY_0 = 1_609_459_200_000  # 2021-01-01 00:00 UTC
HOUR_MS = MS_PER_UNIT["h"]
SHARDS = 4
Span = tuple[int, int]
Messages = list[list[list[bytes]]]
Maker = Callable[[], MonitorCore]
Play = Callable[..., list[Output]]
COLOURS = ("red", "green", "blue")
ORIGINS = ("EWR", "JFK", "LGA")


@dataclass(frozen=True)
class Day:
    """What one day is like.

    `replaced` is the part of it after which v2 takes over from v1; `nightly`: half of the rows are scored by a version
    of that name, at two in the night.
    """

    rows: int = 1200
    shift_a: float = 0.0
    score_shift: float = 0.0
    flip: float = 0.0
    slow: float = 0.0
    failed: float = 0.0
    unlabelled: float = 0.0
    colour: str | None = None
    segment: str | None = None
    late: float = 0.0
    replaced: float = 1.0
    nightly: bool = False


DEFINITION = Definition(
    model="m",
    task="binary",
    positive="late",
    segments=["origin"],
    features={"a": "numeric", "b": "numeric", "c": "numeric", "colour": "categorical"},
    reference=ReferenceSpec(file="healthy.parquet"),
    runbook_url="https://runbooks.example/m",
)


def grids() -> dict[str, FeatureGrid]:
    sample = np.random.default_rng(5).normal(size=4000) * 1.2
    edges = make_grid(sample).edges.tolist()
    scores = make_grid(np.random.default_rng(6).uniform(0, 1, 4000)).edges.tolist()
    return {
        "a": NumericGrid(edges),
        "b": NumericGrid(edges),
        "c": NumericGrid(edges),
        "colour": CategoricalGrid(list(COLOURS)),
        SCORE: NumericGrid(scores),
    }


@dataclass
class Rows:
    raw: RawRows
    shard: np.ndarray
    label: np.ndarray
    label_ms: np.ndarray
    on_time: np.ndarray
    version: np.ndarray


def rows_of(number: int, day: Day, seed: int = 0) -> Rows:
    """Return the rows of one day: every day has a level of its own, as real ones do."""
    rng = np.random.default_rng([seed, number + 1000])
    n = day.rows
    level = rng.normal(0, 0.1, 3)
    values = rng.normal(size=(n, 3)) + level
    origins = np.array(ORIGINS)[rng.integers(0, 3, n)]
    here = np.ones(n, bool) if day.segment is None else origins == day.segment
    values[:, 0] += day.shift_a * here
    score = 1 / (1 + np.exp(-(values[:, 1] + rng.normal(0, 0.1))))
    label = rng.random(n) < score
    label = np.where((rng.random(n) < day.flip) & here, ~label, label)
    score = np.clip(score + day.score_shift * here, 0.001, 0.999)
    timestamps = DAY_0 + number * DAY_MS + np.sort(rng.integers(0, DAY_MS, n))
    nightly = (np.arange(n) % 2 == 1) & day.nightly
    timestamps = np.where(nightly, DAY_0 + number * DAY_MS + 2 * HOUR_MS + np.arange(n), timestamps)
    ages = rng.integers(60_000, 5 * HOUR_MS, n)
    label_ms = np.where(rng.random(n) < 0.03 + day.unlabelled, np.iinfo(np.int64).max, timestamps + ages)
    colours = np.array(COLOURS)[rng.choice(3, n, p=(0.5, 0.3, 0.2))]
    raw = RawRows(
        ids=[f"{number}-{i}" for i in range(n)],
        timestamps_ms=timestamps.astype(np.int64),
        predictions=score,
        features={
            "a": values[:, 0],
            "b": values[:, 1],
            "c": values[:, 2],
            "colour": [day.colour or str(c) for c in colours],
        },
        segments={"origin": [str(o) for o in origins]},
        latency_ms=np.where(rng.random(n) < day.slow, 900.0, 20.0),
        error=rng.random(n) < day.failed,
    )
    on_time = rng.random(n) >= day.late
    version = np.where(timestamps < DAY_0 + (number + day.replaced) * DAY_MS, "v1", "v2")
    version = np.where(nightly, "nightly", version)
    return Rows(raw, rng.integers(0, SHARDS, n), label.astype(float), label_ms, on_time, version)


@dataclass
class Shard:
    """One shard's parts; `bundle` publishes what changed."""

    compiled: CompiledModel
    number: int
    store: PartStore = field(default_factory=PartStore)
    seq: int = 0
    waiting: list[OutcomeRows] = field(default_factory=list)

    def bundle(self) -> bytes:
        self.seq += 1
        profiles = [
            key.profile(self.store.snapshot(key), shard=self.number, epoch=7, seq=self.seq)
            for key in self.store.take_dirty()
        ]
        return encode_profiles(ProfileBundle(profiles))

    def watermark(self, predictions_ms: int, labels_ms: int) -> bytes:
        mark = ShardWatermark(self.number, 7, self.seq, predictions_ms, labels_ms, predictions_ms)
        return encode_profiles(WatermarkReport(f"worker-{self.number}", SHARDS, [mark]))


def _subset(rows: Rows, which: np.ndarray) -> RawRows:
    raw, at = rows.raw, np.flatnonzero(which)
    return RawRows(
        ids=[raw.ids[i] for i in at],
        timestamps_ms=raw.timestamps_ms[at],
        predictions=np.asarray(raw.predictions)[at],
        features={name: [v[i] for i in at] if name == "colour" else v[at] for name, v in raw.features.items()},
        segments={name: [v[i] for i in at] for name, v in raw.segments.items()},
        latency_ms=np.asarray(raw.latency_ms)[at],
        error=raw.error[at],
        on_time=rows.on_time[at],
    )


def add(
    store: PartStore, compiled: CompiledModel, rows: Rows, which: np.ndarray, labels: Span, **panes: PaneSchemes
) -> None:
    """Add predictions, and the outcomes of those whose label came in a span of time."""
    for version in np.unique(rows.version):
        columns = assemble(compiled, str(version), _subset(rows, which & (rows.version == version)))
        store.add_inputs(columns, **panes)
    add_outcomes(store, compiled, rows, which, labels, **panes)


def add_outcomes(
    store: PartStore, compiled: CompiledModel, rows: Rows, which: np.ndarray, labels: Span, **panes: PaneSchemes
) -> None:
    which = which & (rows.label_ms >= labels[0]) & (rows.label_ms < labels[1])
    for version in np.unique(rows.version[which]):
        at = np.flatnonzero(which & (rows.version == version))
        store.add_outcomes(_outcomes(compiled, str(version), rows, at), **panes)


def _outcomes(compiled: CompiledModel, version: str, rows: Rows, at: np.ndarray) -> OutcomeRows:
    predicted = rows.raw.timestamps_ms[at]
    origins = [rows.raw.segments["origin"][i] for i in at]
    rung = compiled.rungs_of(rows.label_ms[at] - predicted)
    return OutcomeRows(
        compiled=compiled,
        version=version,
        predicted_ms=predicted,
        rung_ms=rung,
        score=np.float32(np.asarray(rows.raw.predictions)[at]).astype(np.float64),
        label=rows.label[at],
        sign=np.ones(at.size, np.int64),
        on_time=rows.on_time[at],
        contexts=[(segment_label("origin", origin),) for origin in ORIGINS],
        context=np.array([ORIGINS.index(origin) for origin in origins]),
    )


def compiled_model(definition: Definition = DEFINITION) -> CompiledModel:
    return compile_model(definition, grids())


def reference(compiled: CompiledModel, days: int = 28, seed: int = 0) -> Reference:
    """Return a reference of healthy days before day 0."""
    store = PartStore()
    for number in range(-days, 0):
        rows = rows_of(number, Day(), seed)
        everything = np.ones(len(rows.raw.ids), bool)
        add(store, compiled, rows, everything, (0, DAY_0), panes=compiled.reference_panes)
    profiles = [key._replace(version="").profile(store.snapshot(key)) for key in store if key.on_time]
    return Reference.of(compiled.model, profiles, held_out=True, source="healthy.parquet")


def day_messages(
    shards: Sequence[Shard], days: Sequence[Rows], number: int, lag: random.Random | None = None
) -> list[list[bytes]]:
    """Return for each shard what it publishes at the end of one day: its parts, then its watermark.

    With `lag` the labels' watermark stays behind by up to two days, and catches up at the end.
    """
    end_ms = DAY_0 + (number + 1) * DAY_MS
    for shard in shards:
        if number < len(days):
            rows = days[number]
            add(shard.store, shard.compiled, rows, rows.shard == shard.number, (0, end_ms))
        for rows in days[max(0, number - 2) : number]:
            mine = rows.shard == shard.number
            add_outcomes(shard.store, shard.compiled, rows, mine, (end_ms - DAY_MS, end_ms))
    behind = [lag.randint(0, 2 * DAY_MS) if lag and number < len(days) else 0 for _ in shards]
    return [[shard.bundle(), shard.watermark(end_ms, end_ms - ms)] for shard, ms in zip(shards, behind, strict=True)]


def play(
    days: Sequence[Day], compiled: CompiledModel, seed: int = 0, after: int = 4, lag: random.Random | None = None
) -> Messages:
    """Return messages by day and shard, some empty days at the end so that labels mature."""
    shards = [Shard(compiled, number) for number in range(SHARDS)]
    rows = [rows_of(number, day, seed) for number, day in enumerate(days)]
    return [day_messages(shards, rows, number, lag) for number in range(len(days) + after)]


def play_two(
    days: Sequence[Day], before: CompiledModel, after: CompiledModel, changed_on: int, more: int = 3
) -> Messages:
    """Return messages as `play` does, of a model whose grids change at the beginning of one day."""
    shards = [Shard(before, number) for number in range(SHARDS)]
    rows = [rows_of(number, day) for number, day in enumerate(days)]
    messages = []
    for number in range(len(days) + more):
        for shard in shards:
            shard.compiled = before if number < changed_on else after
        messages.append(day_messages(shards, rows, number))
    return messages


def in_order(messages: Messages) -> Iterator[bytes]:
    for day in messages:
        for shard in day:
            yield from shard


def interleaved(messages: Messages, seed: int) -> Iterator[bytes]:
    """Yield the messages in an order that keeps only each shard's own."""
    rng = random.Random(seed)
    queues = [[message for day in messages for message in day[shard]] for shard in range(SHARDS)]
    while any(queues):
        queue = rng.choice([queue for queue in queues if queue])
        yield queue.pop(0)


def run(core: MonitorCore, messages: Iterator[bytes], every: int = 1) -> list[Output]:
    outputs: list[Output] = []
    for count, message in enumerate(messages, 1):
        core.apply(message)
        if count % every == 0:
            outputs += core.advance()
    return outputs + core.advance()


def alerts(outputs: Sequence[Output], kind: str | None = None) -> list[Alert]:
    return [o for o in outputs if isinstance(o, Alert) and (kind is None or o.kind == kind)]


def healthy(count: int) -> list[Day]:
    return [Day()] * count


def changed(days: Sequence[Day], numbers: range, **change: object) -> list[Day]:
    return [replace(day, **change) if number in numbers else day for number, day in enumerate(days)]


def catalog_of(compiled: CompiledModel, ref: Reference | None) -> Catalog:
    catalog = Catalog().with_revision(compiled)
    return catalog if ref is None else catalog.with_reference(ref, compiled.effective_from_ms)
