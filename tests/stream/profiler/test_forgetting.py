"""How long a shard remembers predictions and labels: as long as the models it met need, whatever the batches."""

import random

import pytest
from profiler_logs import CONFIG, START, Event, bodies, catalog, feed, random_logs, run

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


def test_predictions_are_forgotten_where_no_label_ever_comes() -> None:
    rows, _ = random_logs(0, hours=12)
    core = run(rows, [])
    held = len(core.memory.joiner.predictions)
    assert core.unlabelled
    assert oldest_ms(core) <= START
    core.free_unlabelled()
    kept_ms = core.progress.predictions_ms - 2 * MEMORY_MS
    assert kept_ms - CONFIG.bucket_ms < oldest_ms(core) <= kept_ms
    assert 0 < len(core.memory.joiner.predictions) < held


def test_a_shard_says_that_it_never_held_a_label() -> None:
    """Whoever runs it knows whether some are yet to be read."""
    core = run(random_logs(0, hours=1)[0], [])
    assert not core.watermark(1, 1).unlabelled
    core.never_labelled = True
    assert core.watermark(1, 2).unlabelled


def test_feedback_is_no_label() -> None:
    rows, _ = random_logs(0, hours=12)
    feedback = {
        "type": "feedback",
        "prediction_id": "id7",
        "timestamp_ms": START,
        "values": {"thumbs": 1.0},
        "broker_ms": -1,
    }
    core = run(rows, [feedback] * 3)
    assert core.counts["labels"].dropped == {"feedback": 3}
    assert core.unlabelled
    core.free_unlabelled()
    assert oldest_ms(core) > START


def test_the_horizon_of_a_model_that_nobody_declared_holds_without_labels_too() -> None:
    rows, _ = with_a_stranger(*random_logs(0, hours=12), START + 11 * HOUR_MS)
    core = run(rows, [])
    assert core.memory.undeclared_ms is not None
    core.free_unlabelled()
    assert oldest_ms(core) <= START


@pytest.mark.parametrize("seed", range(3))
def test_what_was_forgotten_without_labels_would_have_changed_nothing(seed: int) -> None:
    """Neither repeats of predictions nor the first labels that come, as much behind as they may be young."""
    rows, labels = random_logs(seed, hours=12)
    first = next(i for i, row in enumerate(rows) if row["timestamp_ms"] > START + 10 * HOUR_MS)
    late = [label for label in named(labels) if label["timestamp_ms"] > START + 8 * HOUR_MS]
    rng = random.Random(seed)
    cores = []
    for forgets in (True, False):
        core = ShardCore(0, catalog(), CONFIG)
        for _ in feed(core, rows[:first], [], rng):
            if forgets and rng.random() < 0.5:
                core.free_unlabelled()
        for _ in feed(core, rows, late, rng):
            assert core.offsets["predictions"] >= first
        cores.append(core)
    assert bodies(cores[0].store) == bodies(cores[1].store)
    assert cores[0].counts == cores[1].counts
    assert sum(cores[0].memory.joiner.joined.values()) > 0


def test_a_model_that_nobody_declared_is_remembered_from_its_first_prediction_on() -> None:
    rows, labels = with_a_stranger(*random_logs(1, hours=12), START + 6 * HOUR_MS)
    core = run(rows, named(labels))
    assert core.memory.undeclared_ms is not None
    assert START + 5 * HOUR_MS < core.memory.undeclared_ms < START + 7 * HOUR_MS
    held_ms = core.memory.undeclared_ms - MEMORY_MS
    assert held_ms - CONFIG.bucket_ms < oldest_ms(core) <= held_ms
