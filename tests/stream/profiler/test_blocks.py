"""Rows of a batch message count as the same rows one by one: by column, packed or not, whatever is in them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from batch_logs import CONFIG, MODELS, SWITCH_MS, Log, catalog, logs, singles
from hypothesis import given, settings
from hypothesis import strategies as st
from profiler_logs import START, bodies

from detectors.moments import Moments
from stream.parts.inputs import InputsPart
from stream.parts.keys import PartKey
from stream.parts.part import load_part
from stream.profiler import blocks
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.state import META
from tidegauge.codec import encode
from tidegauge.columns import packed
from tidegauge.events import PredictionBatch

Write = Callable[[PredictionBatch], bytes]


def write_packed(batch: PredictionBatch) -> bytes:
    return encode(packed(batch))


WRITERS = pytest.mark.parametrize("write", [encode, write_packed], ids=["lists", "packed"])


@contextmanager
def by_column(least_bytes: int, rows: int = blocks.BLOCK_ROWS) -> Iterator[None]:
    """Read messages from a size on by column; small ones too, or none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LEAST_BYTES", least_bytes)
        patch.setattr(blocks, "BLOCK_ROWS", rows)
        yield


EVERY, NONE = 1, 1 << 40


def read(log: Log, cuts: list[int], write: Write) -> tuple[ShardCore, list[DeadLetter]]:
    """Read a log in pieces; after each, the labels that fall due."""
    core, letters = ShardCore(0, catalog(), CONFIG), []
    values = [message if isinstance(message, bytes) else write(message) for message in log.predictions]
    labels = list(log.labels)
    at = 0
    for cut in [*sorted({cut for cut in cuts if cut < len(values)}), len(values)]:
        piece = RawBatch(0, list(range(at, cut)), log.broker_ms[at:cut], values[at:cut])
        letters += core.predictions(piece)
        while core.awaited:  # a model that should have grids by now never gets any here
            core.impatient |= {core.awaited}
            letters += core.predictions(piece.since(core.offsets.get("predictions")))
        share = len(labels) * cut // max(len(values), 1)
        feed_labels(core, labels, share)
        at = cut
    return core, letters


def feed_labels(core: ShardCore, labels: list[bytes], until: int) -> None:
    first = core.offsets.get("labels", 0)
    values: list[bytes | None] = list(labels[first:until])
    core.labels(RawBatch(0, list(range(first, first + len(values))), [-1] * len(values), values))


def state(core: ShardCore) -> dict[bytes, bytes]:
    """What a checkpoint writes besides parts, join records, and the counts (in which reasons stand in any order)."""
    return {name: value for name, value in core.take_fields().items() if name != META}


def log_of(core: ShardCore) -> dict[str, bytes]:
    """The join log as Redis would hold it."""
    return core.memory.joiner.predictions.take_changes()[0]


def moments(core: ShardCore) -> dict[PartKey, Moments]:
    parts = {key: load_part(key.part, core.store.snapshot(key)) for key in core.store}
    return {key: part.moments for key, part in parts.items() if isinstance(part, InputsPart)}


@WRITERS
@settings(max_examples=30)
@given(log=logs(), cuts=st.lists(st.integers(0, 8), max_size=3), rows=st.sampled_from([1, 10, 4_096]))
def test_by_column_is_row_by_row(write: Write, log: Log, cuts: list[int], rows: int) -> None:
    with by_column(NONE):
        row_by_row, expected = read(log, cuts, encode)
    with by_column(EVERY, rows):
        columnar, letters = read(log, cuts, write)
    assert [without_bytes(letter) for letter in letters] == [without_bytes(letter) for letter in expected]
    assert columnar.counts == row_by_row.counts
    assert columnar.counts["predictions"].balanced()
    assert bodies(columnar.store) == bodies(row_by_row.store)
    assert columnar.progress == row_by_row.progress
    assert log_of(columnar) == log_of(row_by_row)
    assert columnar.names.overflowed.keys() == row_by_row.names.overflowed.keys()
    assert state(columnar) == state(row_by_row)
    others = moments(row_by_row)
    for key, one in moments(columnar).items():
        other = others[key]
        assert (one.n.tolist(), one.low.tolist(), one.high.tolist()) == (
            other.n.tolist(), other.low.tolist(), other.high.tolist(),
        )  # fmt: skip
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12, atol=1e-12)


def without_bytes(letter: DeadLetter) -> tuple[Any, ...]:
    return letter.reason, letter.detail, letter.offset, letter.row


@WRITERS
@settings(max_examples=30)
@given(log=logs(odd=False))
def test_by_column_is_each_row_as_a_message_of_its_own(write: Write, log: Log) -> None:
    with by_column(EVERY):
        columnar, letters = read(log, [], write)
    single, others = read(singles(log), [], encode)
    assert letters == others == []
    assert bodies(columnar.store) == bodies(single.store)
    for count in ("rows", "accepted", "late", "clamped", "dropped", "noted"):
        assert getattr(columnar.counts["predictions"], count) == getattr(single.counts["predictions"], count)
    assert columnar.progress == single.progress
    assert log_of(columnar) == log_of(single)
    assert columnar.names.take_changes() == single.names.take_changes()


def batch(count: int, **change: Any) -> PredictionBatch:
    rows = range(count)
    return msgspec.structs.replace(
        PredictionBatch(
            prediction_ids=[f"id{row}" for row in rows],
            model="planner",
            version="v1",
            timestamps_ms=[START + row for row in rows],
            features={"temp": [float(row) for row in rows], "carrier": ["UA"] * count},
            predictions=[0.5] * count,
        ),
        **change,
    )


def cut(*values: bytes | None, after: int | None = None) -> list[tuple[int, bool]]:
    """How a batch is cut: messages of each block, and whether it is laid out by column."""
    raw = RawBatch(0, list(range(len(values))), [-1] * len(values), list(values))
    return [
        (len(block.batch.offsets), block.decoded is not None)
        for block in blocks.blocks(raw, after, catalog(), CONFIG.limits)
    ]


LARGE = encode(batch(500))
SINGLE = b'{"prediction_id":"a","model":"planner","timestamp_ms":1}'


def test_what_is_counted_by_column() -> None:
    assert cut() == [(0, False)]
    assert cut(SINGLE, None, b"") == [(3, False)]
    assert cut(LARGE, LARGE) == [(2, True)]
    assert cut(SINGLE, LARGE, LARGE, SINGLE, SINGLE) == [(1, False), (2, True), (2, False)]
    assert cut(encode(batch(3))) == [(1, False)], "a few rows cost less among their neighbours"
    assert cut(*[LARGE] * 17) == [(16, True), (1, True)], "as many rows as are worth it"
    assert cut(*[b"x" * 1_500_000] * 5) == [(2, False), (2, False), (1, False)], "rows are ten times as large"
    assert cut(LARGE, encode(batch(500, version="v2"))) == [(1, True), (1, True)]
    assert cut(encode(batch(500, model="nobody"))) == [(1, False)], "a model without grids is sampled"
    assert cut(LARGE, LARGE, after=1) == [(1, False), (1, True)], "what was read before is not read again"
    assert cut(json.dumps(json.loads(LARGE), indent=1, sort_keys=True).encode()) == [(1, True)], "however it is written"


@pytest.mark.parametrize(
    "change",
    [
        {"timestamps_ms": [1] * 499},
        {"timestamps_ms": [-1] * 500},
        {"prediction_ids": [""] * 500},
        {"prediction_ids": ["a\x00"] * 500},
        {"prediction_ids": ["a" * 256] * 500},
        {"version": "x" * 256},
        {"errors": [None]},
        {"signals": {"fare": [1.0]}},
        {"features": {f"f{i}": [1.0] * 500 for i in range(513)}},
    ],
)
def test_what_has_a_problem_is_left_to_the_rows(change: dict[str, Any]) -> None:
    assert cut(encode(batch(500, **change))) == [(1, False)]


def test_a_text_that_says_batch_is_no_batch_message() -> None:
    event = {**json.loads(SINGLE), "features": {"x": "batch"}, "padding": "x" * 3_000}
    assert cut(json.dumps(event).encode()) == [(1, False)]


def test_a_segment_counts_where_the_rows_own_revision_has_it() -> None:
    def row(number: int, at_ms: int) -> bytes:
        event = {"prediction_id": f"id{number}", "model": "gate", "timestamp_ms": at_ms}
        return json.dumps({**event, "segments": {"origin": "JFK", "tier": f"tier{number}"}}).encode()

    rows: list[PredictionBatch | bytes] = [row(0, SWITCH_MS - 5_000), row(1, SWITCH_MS + 1)]
    log = Log(rows, [-1, -1], [])
    together, apart = (read(log, cuts, encode)[0].names.take_changes() for cuts in ([], [1]))
    assert together == apart


def test_models_are_what_the_logs_say() -> None:
    assert set(MODELS) - set(catalog().models) == {"nobody"}
