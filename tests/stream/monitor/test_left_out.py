"""Days left out of a learnt reference, because something drifted then, are not known: they are no quiet days."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest

from stream.definitions.records import ReferenceManifest, content_hash, decode_record, decode_reference, encode_profiles
from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.outputs import LearnedReference, Output
from stream.monitor.reference_index import ReferenceIndex
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world
from tests.stream.monitor.test_learning import replay, told
from tests.stream.monitor.world import DAY_0, Day, alerts, changed
from tidegauge.definition import DriftMonitor, ReferenceSpec, TrafficMonitor

DRIFTED = range(18, 21)


@pytest.fixture(scope="module")
def trailing(compiled: CompiledModel) -> CompiledModel:
    definition = msgspec.structs.replace(
        compiled.definition,
        reference=ReferenceSpec(trailing="14d"),
        windows=["1d"],
        segments=[],
        monitors=[DriftMonitor(features=["a"]), TrafficMonitor()],
    )
    return world.compiled_model(definition)


@pytest.fixture(scope="module")
def messages(trailing: CompiledModel) -> world.Messages:
    days = changed([Day(rows=400)] * 35, DRIFTED, shift_a=3.0)
    return world.play(changed(days, range(33, 35), rows=100), trailing, after=0)


@pytest.fixture(scope="module")
def outputs(trailing: CompiledModel, messages: world.Messages) -> list[Output]:
    return replay(trailing, messages, at_once=False)


def test_too_little_traffic_alerts_in_spite_of_them(
    trailing: CompiledModel, messages: world.Messages, outputs: list[Output]
) -> None:
    [alert] = alerts(outputs, "traffic")
    assert alert.decided_at_ms == DAY_0 + 34 * DAY_MS
    assert told(replay(trailing, messages, at_once=True)) == told(outputs)


def test_they_are_told_from_days_without_rows(trailing: CompiledModel, outputs: list[Output]) -> None:
    reference = [o.reference for o in outputs if isinstance(o, LearnedReference)][2]
    index = ReferenceIndex(reference, trailing)
    blocks = index.blocks(WindowScheme("1d"))
    left_out = [(block.start_ms - DAY_0) // DAY_MS in DRIFTED for block in blocks]
    assert index.left_out("", blocks).tolist() == left_out
    assert (index.rows("", blocks) > 0).tolist() == [not out for out in left_out]
    assert not index.left_out("origin=EWR", blocks).any()
    longer = index.blocks(WindowScheme("2d"))
    known = [all((ms - DAY_0) // DAY_MS not in DRIFTED for ms in (b.start_ms, b.end_ms - 1)) for b in longer]
    assert index.left_out("", longer).tolist() == [not every for every in known]
    assert 0 < np.sum(known) < len(known)


def test_they_stand_in_the_log(outputs: list[Output]) -> None:
    reference = [o.reference for o in outputs if isinstance(o, LearnedReference)][2]
    slices = encode_profiles(reference)
    manifest = ReferenceManifest(
        model="m",
        previous="",
        effective_from_ms=0,
        reference=reference.id,
        slices=tuple(map(content_hash, slices)),
        held_out=True,
        start_ms=reference.start_ms,
        end_ms=reference.end_ms,
        source="trailing",
    )
    pieces = [piece for piece in map(decode_record, slices) if isinstance(piece, bytes)]
    assert decode_reference(manifest, pieces) == reference
    again = Reference.of("m", reversed(reference.profiles), held_out=True, source="trailing")
    assert again == reference
    assert all(a.pane_start_ms <= b.pane_start_ms for a, b in pairwise(reference.profiles))
