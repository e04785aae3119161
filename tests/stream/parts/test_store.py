import numpy as np

from stream.model.compile import compile_model
from stream.parts.columns import OutcomeRows
from stream.parts.keys import PartKey
from stream.parts.store import PartStore
from tidegauge.definition import Definition

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
COMPILED = compile_model(Definition(model="m", task="binary", segments=["origin"]))


def outcomes(days: list[int], rungs_ms: list[int], context: list[int], on_time: list[bool]) -> OutcomeRows:
    count = len(days)
    return OutcomeRows(
        compiled=COMPILED,
        version="v",
        predicted_ms=np.array(days, dtype=np.int64) * DAY_MS + 5,
        rung_ms=np.array(rungs_ms, dtype=np.int64),
        score=np.full(count, 0.5),
        label=np.ones(count),
        sign=np.ones(count, dtype=np.int64),
        on_time=np.array(on_time),
        contexts=[("origin=JFK",), ()],
        context=np.array(context, dtype=np.int64),
    )


def test_outcomes_go_to_their_segments_pane_rung_and_punctuality() -> None:
    store = PartStore()
    store.add_outcomes(
        outcomes([1, 1, 2, 1], [HOUR_MS, HOUR_MS, HOUR_MS, DAY_MS], [0, 1, 0, 0], [True, True, True, False])
    )
    labelled = {(k.segment, k.pane_start_ms // DAY_MS, k.age_ms, k.on_time): p.labelled for k, p in store.parts.items()}
    assert labelled == {
        ("", 1, HOUR_MS, True): 2,
        ("origin=JFK", 1, HOUR_MS, True): 1,
        ("", 2, HOUR_MS, True): 1,
        ("origin=JFK", 2, HOUR_MS, True): 1,
        ("", 1, DAY_MS, False): 1,
        ("origin=JFK", 1, DAY_MS, False): 1,
    }
    assert all(key.pane_end_ms - key.pane_start_ms == DAY_MS for key in store)


def filled() -> PartStore:
    store = PartStore()
    store.add_outcomes(outcomes([1], [HOUR_MS], [0], [True]))
    return store


def test_dirty_is_what_changed_since_it_was_taken() -> None:
    store = filled()
    keys = store.take_dirty()
    assert keys == tuple(store)
    assert store.dirty() == ()
    store.add_outcomes(outcomes([1], [HOUR_MS], [1], [True]))
    assert store.dirty() == (next(key for key in keys if key.segment == ""),)


def test_what_could_not_be_written_is_dirty_again() -> None:
    store = filled()
    keys = store.take_dirty()
    store.drop(keys[:1])
    store.mark_dirty(keys)
    assert store.dirty() == keys[1:]


def test_dropped_parts_are_neither_held_nor_dirty() -> None:
    store = filled()
    store.drop([*store, PartKey("no", "", "", "inputs", 0, 1, True, 0, "")])
    assert (len(store), store.dirty()) == (0, ())


def test_a_loaded_part_is_clean_and_goes_on_counting() -> None:
    before, after = filled(), PartStore()
    for key in before:
        after.load(key, before.snapshot(key))
    assert after.dirty() == ()
    for store in (before, after):
        store.add_outcomes(outcomes([1, 3], [HOUR_MS, HOUR_MS], [0, 1], [True, True]))
    assert {key: before.snapshot(key) for key in before} == {key: after.snapshot(key) for key in after}


def test_a_frozen_part_is_the_same_and_can_be_counted_into() -> None:
    before, after = filled(), filled()
    keys = list(after)
    after.freeze([*keys, PartKey("no", "", "", "inputs", 0, 1, True, 0, "")])
    assert (len(after), list(after)) == (len(keys), keys)
    assert after.dirty() == before.dirty()
    assert {key: part.labelled for key, part in after.parts.items()} == dict.fromkeys(keys, 1)
    assert {key: before.snapshot(key) for key in keys} == {key: after.snapshot(key) for key in keys}
    for store in (before, after):
        store.add_outcomes(outcomes([1, 3], [HOUR_MS, HOUR_MS], [0, 1], [True, True]))
    assert {key: before.snapshot(key) for key in before} == {key: after.snapshot(key) for key in after}
    after.freeze(keys[:1])
    after.drop(keys)
    assert keys[0] not in after


def test_an_empty_batch_makes_no_parts() -> None:
    store = PartStore()
    store.add_outcomes(outcomes([], [], [], []))
    assert len(store) == 0


def test_keys_and_profiles_say_the_same() -> None:
    store = filled()
    for key in store:
        profile = key.profile(store.snapshot(key), shard=3, epoch=5, seq=7)
        assert PartKey.of(profile) == key
        assert (profile.shard, profile.epoch, profile.seq, profile.body) == (3, 5, 7, store.snapshot(key))
