"""The short form of `make fuzz`; and controls: what it looks for, it finds."""

from collections.abc import Callable

import pytest

from load.fuzz.run import batches, culprit, fuzz
from load.fuzz.subject import Subject
from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore

EXPECTED = {
    "predictions: dead, empty", "predictions: dead, invalid_json", "predictions: dead, missing_field",
    "predictions: dead, nested_too_deep", "predictions: dead, number_out_of_range", "predictions: dead, ragged_batch",
    "predictions: dead, text_length", "predictions: dead, timestamp_out_of_range", "predictions: dead, nul_character",
    "predictions: dead, too_many_features", "predictions: dead, unknown_type", "predictions: dead, wrong_type",
    "labels: dead, invalid_json", "labels: dead, nested_too_deep", "labels: dead, nul_character",
    "labels: dead, unknown_type", "labels: dead, wrong_type", "labels: dropped, feedback",
    "predictions: dropped, duplicate", "predictions: dropped, late_beyond_retention",
}  # fmt: skip


def test_nothing_crashes_and_every_row_is_accounted_for() -> None:
    verdict = fuzz(seed=1, events=20_000)
    assert verdict.failures == []
    assert verdict.messages == 20_000
    assert set(verdict.reasons) >= EXPECTED
    assert verdict.reasons["predictions: accepted"] > 1_000
    assert verdict.reasons["labels: accepted"] > 1_000


def test_a_seed_says_it_all() -> None:
    assert list(batches(7, 500)) == list(batches(7, 500))
    assert list(batches(7, 500)) != list(batches(8, 500))


Predictions = Callable[[ShardCore, RawBatch], list[DeadLetter]]


def _loses_letters(whole: Predictions) -> Predictions:
    return lambda core, batch: whole(core, batch)[1:]


def _loses_rows(whole: Predictions) -> Predictions:
    def planted(core: ShardCore, batch: RawBatch) -> list[DeadLetter]:
        letters = whole(core, batch)
        core.counts["predictions"].accepted -= 1
        return letters

    return planted


def _crashes(whole: Predictions) -> Predictions:
    def planted(core: ShardCore, batch: RawBatch) -> list[DeadLetter]:
        if any(value and b"1e400" in value for value in batch.values):
            raise ZeroDivisionError
        return whole(core, batch)

    return planted


def _depends_on_batches(whole: Predictions) -> Predictions:
    def planted(core: ShardCore, batch: RawBatch) -> list[DeadLetter]:
        letters = whole(core, batch)
        core.counts["predictions"].late += 1
        return letters

    return planted


@pytest.mark.parametrize("plant", [_loses_letters, _loses_rows, _crashes, _depends_on_batches])
def test_a_planted_bug_is_found(plant: Callable[[Predictions], Predictions], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShardCore, "predictions", plant(ShardCore.predictions))
    assert fuzz(seed=1, events=1_500).failures


def test_the_message_behind_a_failure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShardCore, "predictions", _crashes(ShardCore.predictions))
    batch = ("predictions", [b"{}", b'{"a": 1e400}', None], [-1, -1, -1])
    with pytest.raises(ZeroDivisionError):
        Subject().feed(*batch)
    assert culprit(batch) == "predictions, ZeroDivisionError by itself: b'{\"a\": 1e400}'"
    assert culprit(("labels", [b"{}"], [-1])).startswith("labels, only together")
