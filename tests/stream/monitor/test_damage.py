"""Stored parts are decoded when they are used; who wants to go on without what is damaged finds it at once."""

import msgspec
import pytest

from detectors.errors import SnapshotError
from stream.model.compiled import CompiledModel
from stream.monitor.core import MonitorCore
from tests.stream.monitor.world import Maker, changed, healthy, in_order, play, run
from tidegauge.profiles import Profile


@pytest.fixture
def stored(compiled: CompiledModel, make: Maker) -> dict[bytes, bytes]:
    """A monitor in the middle of a day: final panes, open ones and late rows."""
    core = make()
    messages = list(in_order(play(changed(healthy(3), range(1, 2), late=0.05), compiled)))
    run(core, iter(messages[: len(messages) // 2 + 1]))
    return {field: body for field, body in core.dirty_fields().items() if body is not None}


def check(make: Maker, fields: dict[bytes, bytes]) -> MonitorCore:
    core = make()
    core.load(fields)
    core.check()
    return core


def test_sound_state_passes(make: Maker, stored: dict[bytes, bytes]) -> None:
    check(make, stored)


@pytest.mark.parametrize("on_time", [True, False])
def test_a_snapshot_that_waits_is_found(make: Maker, stored: dict[bytes, bytes], *, on_time: bool) -> None:
    waiting = {
        field: msgspec.msgpack.decode(body, type=Profile) for field, body in stored.items() if field[:2] == b"r|"
    }
    field, profile = next((f, p) for f, p in waiting.items() if p.on_time == on_time)
    damaged = msgspec.msgpack.encode(msgspec.structs.replace(profile, body=b"\xffdamaged"))
    with pytest.raises(SnapshotError):
        check(make, {**stored, field: damaged})


def test_a_final_pane_is_found(make: Maker, stored: dict[bytes, bytes]) -> None:
    field = next(field for field in stored if field[:2] == b"f|")
    with pytest.raises(SnapshotError):
        check(make, {**stored, field: b"\xffdamaged"})
