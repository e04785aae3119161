"""A service that sends no labels: its reference is learnt from inputs alone, however fast its logs are read."""

from collections.abc import Callable

import msgspec
import pytest

from stream.model.compiled import CompiledModel
from stream.monitor.outputs import LearnedReference, Output
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.test_learning import replay, told
from tests.stream.monitor.world import DAY_0, Day, alerts, changed
from tidegauge.codec import decode_profiles, encode_profiles
from tidegauge.definition import ReferenceSpec
from tidegauge.profiles import ShardWatermark, WatermarkReport
from tidegauge.reports import Report

LEARNT_MS = DAY_0 + 14 * DAY_MS
"""When a reference of ten days from day 1 on, with a horizon of two days, holds."""

Marks = Callable[[ShardWatermark], ShardWatermark]


@pytest.fixture(scope="module")
def learning(compiled: CompiledModel) -> CompiledModel:
    definition = msgspec.structs.replace(
        compiled.definition, reference=ReferenceSpec(learn="10d"), windows=["1d"], segments=[]
    )
    return world.compiled_model(definition)


@pytest.fixture(scope="module")
def messages(learning: CompiledModel) -> world.Messages:
    days = changed([Day(rows=300, unlabelled=1.0)] * 21, range(17, 21), shift_a=3.0)
    return world.play(days, learning, after=0)


def marked(messages: world.Messages, marks: Marks) -> world.Messages:
    """Return messages with other watermarks."""
    return [[[_marked(message, marks) for message in shard] for shard in day] for day in messages]


def _marked(message: bytes, marks: Marks) -> bytes:
    decoded = decode_profiles(message)
    if not isinstance(decoded, WatermarkReport):
        return message
    return encode_profiles(msgspec.structs.replace(decoded, shards=[marks(mark) for mark in decoded.shards]))


def never(mark: ShardWatermark) -> ShardWatermark:
    return msgspec.structs.replace(mark, labels_ms=-1, unlabelled=True)


def of_others_in_one_shard(mark: ShardWatermark) -> ShardWatermark:
    return never(mark) if mark.shard else mark


def begun_on_day_15(mark: ShardWatermark) -> ShardWatermark:
    return never(mark) if mark.predictions_ms < DAY_0 + 15 * DAY_MS else mark


def silent_at_night(mark: ShardWatermark) -> ShardWatermark:
    """An hour of silence a day has moved the labels' watermark by the clock."""
    hours = (mark.predictions_ms - DAY_0) // DAY_MS
    return msgspec.structs.replace(mark, labels_ms=DAY_0 + hours * world.HOUR_MS, unlabelled=True)


def of_an_older_release(mark: ShardWatermark) -> ShardWatermark:
    return msgspec.structs.replace(mark, labels_ms=-1)


def read_first(mark: ShardWatermark) -> ShardWatermark:
    """A fast replay: the labels of others, or later ones, are read before the predictions."""
    return msgspec.structs.replace(mark, labels_ms=DAY_0 + 90 * DAY_MS)


def inputs(outputs: list[Output]) -> list[Report]:
    return [o for o in outputs if isinstance(o, Report) and o.part == "inputs"]


@pytest.mark.parametrize("marks", [never, of_others_in_one_shard, begun_on_day_15, silent_at_night])
def test_it_is_judged_by_its_inputs(learning: CompiledModel, messages: world.Messages, marks: Marks) -> None:
    outputs = replay(learning, marked(messages, marks), at_once=False)
    [learned] = [o for o in outputs if isinstance(o, LearnedReference)]
    assert learned.effective_from_ms == LEARNT_MS
    assert {profile.part for profile in learned.profiles} == {"inputs"}
    assert {r.state for r in inputs(outputs) if r.window.end_ms < LEARNT_MS} == {"learning"}
    assert {r.reference for r in inputs(outputs) if r.window.end_ms >= LEARNT_MS} == {learned.reference.id}
    assert alerts(outputs, "features")
    assert max(r.window.end_ms for r in inputs(outputs)) == DAY_0 + 21 * DAY_MS


@pytest.mark.parametrize("marks", [never, of_others_in_one_shard, begun_on_day_15])
def test_a_fast_replay_gives_the_same_answers(learning: CompiledModel, messages: world.Messages, marks: Marks) -> None:
    slow = replay(learning, marked(messages, marks), at_once=False)
    for fast in (marks, read_first):
        outputs = replay(learning, marked(messages, fast), at_once=True)
        assert told(inputs(outputs)) == told(inputs(slow))
        assert told([o for o in outputs if isinstance(o, LearnedReference)]) == told(
            [o for o in slow if isinstance(o, LearnedReference)]
        )
        assert told(alerts(outputs, "features")) == told(alerts(slow, "features"))


def test_labels_that_begin_later_are_of_later_predictions(learning: CompiledModel) -> None:
    days = changed([Day(rows=300)] * 21, range(15), unlabelled=1.0)
    messages = world.play(days, learning, after=0)
    slow = replay(learning, marked(messages, begun_on_day_15), at_once=False)
    fast = replay(learning, marked(messages, read_first), at_once=True)
    assert any(isinstance(o, Report) and o.part == "outcome" and o.labelled for o in slow)
    assert [o.effective_from_ms for o in slow if isinstance(o, LearnedReference)] == [LEARNT_MS]
    assert told(slow) == told(fast)


def test_labels_that_may_be_unread_are_waited_for(learning: CompiledModel) -> None:
    """By a worker of an older release, say, which does not tell; after four weeks inputs have to do."""
    days = changed([Day(rows=100, unlabelled=1.0)] * 45, range(17, 45), shift_a=4.0)
    messages = marked(world.play(days, learning, after=0), of_an_older_release)
    outputs = replay(learning, messages[:41], at_once=False)
    assert not [o for o in outputs if isinstance(o, LearnedReference)]
    assert max(r.window.end_ms for r in inputs(outputs)) < LEARNT_MS
    slow, fast = (replay(learning, messages, at_once=at_once) for at_once in (False, True))
    [learned] = [o for o in slow if isinstance(o, LearnedReference)]
    assert learned.effective_from_ms == LEARNT_MS
    assert max(r.window.end_ms for r in inputs(slow)) == DAY_0 + 45 * DAY_MS
    assert told(slow) == told(fast)


def test_a_model_that_has_labels_is_no_model_without(learning: CompiledModel) -> None:
    """In one shard there are some: what they say is learnt with the rest, once it is final."""
    messages = marked(world.play([Day(rows=300)] * 18, learning, after=0), of_others_in_one_shard)
    assert not [o for o in replay(learning, messages, at_once=False) if isinstance(o, LearnedReference)]


def test_labels_that_end_leave_a_trailing_reference_in_force(learning: CompiledModel) -> None:
    """Decisions go on by the one there is; they must not fall four weeks behind for every week."""
    trailing = world.compiled_model(
        msgspec.structs.replace(learning.definition, reference=ReferenceSpec(trailing="10d"))
    )
    ended_ms = DAY_0 + 14 * DAY_MS

    def ended(mark: ShardWatermark) -> ShardWatermark:
        return msgspec.structs.replace(mark, labels_ms=min(mark.labels_ms, ended_ms))

    messages = marked(world.play([Day(rows=100)] * 56, trailing, after=0), ended)
    outputs = replay(trailing, messages, at_once=False)
    assert len([o for o in outputs if isinstance(o, LearnedReference)]) == 1
    assert max(r.window.end_ms for r in inputs(outputs)) == DAY_0 + 56 * DAY_MS
