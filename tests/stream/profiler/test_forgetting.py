"""How long a shard remembers predictions and labels: as long as the models it met need, whatever the batches."""

import random

import pytest
from profiler_logs import CONFIG, START, Event, random_logs, run

from stream.profiler.shard import ShardCore

HOUR_MS = 3_600_000
MEMORY_MS = 2 * HOUR_MS + CONFIG.label_skew_ms + CONFIG.retention_ms


def oldest_ms(core: ShardCore) -> int:
    """Return the start of the oldest bucket that is held."""
    joiner = core.memory.joiner
    return min(int(start) for log in (joiner.predictions, joiner.labels) for start in log.buckets)


def named(labels: list[Event]) -> list[Event]:
    """Leave out labels without a model: one that waits for two predictions is counted by both, by design."""
    return [label for label in labels if label["model"]]


def with_a_stranger(rows: list[Event], labels: list[Event], since_ms: int) -> tuple[list[Event], list[Event]]:
    """Let some predictions from an instant on, and their labels, be of a model that nobody declared."""
    strange = {
        row["prediction_id"]
        for row in rows
        if row["timestamp_ms"] > since_ms and row.get("prediction_id", "").endswith(("3", "7"))
    }

    def of(event: Event) -> Event:
        return {**event, "model": "nobody"} if event.get("prediction_id") in strange else event

    return [of(row) for row in rows], [of(label) for label in labels]


def test_declared_models_alone_are_remembered_for_their_own_horizon() -> None:
    """Not for the two days that a model nobody declared would have."""
    rows, labels = random_logs(0, hours=12)
    core = run(rows, named(labels))
    reached_ms = min(core.progress.predictions_ms, core.progress.labels_ms)
    assert reached_ms > START + 11 * HOUR_MS
    assert reached_ms - MEMORY_MS - CONFIG.bucket_ms < oldest_ms(core) <= reached_ms - MEMORY_MS
    assert core.memory.unmatched > 0


@pytest.mark.parametrize("seed", range(4))
def test_what_is_remembered_does_not_depend_on_batches(seed: int) -> None:
    rows, labels = with_a_stranger(*random_logs(seed), START + 3 * HOUR_MS)
    labels = named(labels)
    core = run(rows, labels)
    assert core.names.undeclared
    whole = core.memory
    for interleaving in range(4):
        other = run(rows, labels, random.Random(interleaving)).memory
        assert other.undeclared_ms == whole.undeclared_ms
        assert (other.unmatched, other.joiner.joined) == (whole.unmatched, whole.joiner.joined)
        for mine, its in (
            (other.joiner.predictions, whole.joiner.predictions),
            (other.joiner.labels, whole.joiner.labels),
        ):
            assert (len(mine), mine.buckets) == (len(its), its.buckets)


def test_a_model_that_nobody_declared_is_remembered_from_its_first_prediction_on() -> None:
    rows, labels = with_a_stranger(*random_logs(1, hours=12), START + 6 * HOUR_MS)
    core = run(rows, named(labels))
    assert core.memory.undeclared_ms is not None
    assert START + 5 * HOUR_MS < core.memory.undeclared_ms < START + 7 * HOUR_MS
    held_ms = core.memory.undeclared_ms - MEMORY_MS
    assert held_ms - CONFIG.bucket_ms < oldest_ms(core) <= held_ms
