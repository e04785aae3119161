"""A model that sleeps is one of which nothing is due: whoever looks at it all the same finds nothing."""

import random
from collections.abc import Iterator

import msgspec
import pytest

from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.monitor.rules import Rules
from stream.monitor.schedule import Progress
from stream.monitor.wakes import Wakes
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, HOUR_MS, alerts, catalog_of, changed, healthy, in_order, play
from tidegauge.codec import decode_profiles, encode_profiles
from tidegauge.definition import DEFAULT_MONITORS, DriftMonitor, PerformanceMonitor
from tidegauge.profiles import WatermarkReport

DAYS = changed(changed(healthy(7), range(3, 5), flip=0.4, shift_a=1.0, failed=0.2, late=0.05), range(5, 6), slow=0.3)


def little_by_little(messages: Iterator[bytes], rng: random.Random) -> Iterator[bytes]:
    """Let each watermark come in steps: what is below it was published before the first of them."""
    reached: dict[int, tuple[int, int]] = {}
    for message in messages:
        report = decode_profiles(message)
        if isinstance(report, WatermarkReport):
            (mark,) = report.shards
            for share in sorted(rng.random() for _ in range(6)):
                before = reached.get(mark.shard, (mark.predictions_ms - DAY_MS, mark.labels_ms - DAY_MS))
                steps = [
                    int(was + share * (now - was))
                    for was, now in zip(before, (mark.predictions_ms, mark.labels_ms), strict=True)
                ]
                part = msgspec.structs.replace(mark, predictions_ms=steps[0], labels_ms=steps[1])
                yield encode_profiles(msgspec.structs.replace(report, shards=[part]))
            reached[mark.shard] = (mark.predictions_ms, mark.labels_ms)
        yield message


@pytest.mark.parametrize("seed", range(2))
def test_sleeping_changes_no_output(seed: int) -> None:
    """Windows of hours and days, burn rates, late rows: the same as from a core that looks every time."""
    definition = msgspec.structs.replace(world.DEFINITION, windows=["12h", "1d"], monitors=list(DEFAULT_MONITORS))
    compiled = world.compiled_model(definition)
    catalog = catalog_of(compiled, world.reference(compiled, days=10))
    messages = list(little_by_little(in_order(play(DAYS, compiled)), random.Random(seed)))

    def outputs(*, asleep: bool) -> list[Output]:
        core, found = MonitorCore(0, catalog), []
        for message in messages:
            core.apply(message)
            if not asleep:
                core.set_catalog(catalog)  # wakes every model
            found += core.advance()
        return found

    expected = outputs(asleep=False)
    assert {alert.kind for alert in alerts(expected)} >= {"features", "performance", "errors", "latency"}
    assert outputs(asleep=True) == expected


def test_it_sleeps_until_the_first_of_its_instants() -> None:
    compiled = world.compiled_model(
        msgspec.structs.replace(
            world.DEFINITION,
            monitors=[DriftMonitor(), PerformanceMonitor()],
            windows=["1d"],
            label_horizon="2h",
            label_ages=["1h"],
        )
    )
    noon = DAY_0 + 12 * HOUR_MS
    # Its last windows closed at midnight, with labels of an hour; those of two hours are still to come.
    decided = {"0 1d 0": DAY_0, "1 1d 0": DAY_0, f"2 1d {HOUR_MS}": DAY_0, f"3 1d {HOUR_MS}": DAY_0}
    progress = Progress(first_ms={"inputs": DAY_0 - DAY_MS}, decided_ms=decided, burned_ms=noon)
    wakes, revisions = Wakes(), [(compiled, Rules(compiled))]
    assert not wakes.asleep("m", progress, noon, noon), "nobody has looked at it yet"
    wakes.sleep("m", revisions, progress, HOUR_MS)
    two = DAY_0 + 2 * HOUR_MS
    assert [wakes.asleep("m", progress, noon, outcomes_ms) for outcomes_ms in (two - 1, two)] == [True, False]
    pane = noon + 50_000  # the shortest hop of a burn rate
    assert [wakes.asleep("m", progress, at_ms, two - 1) for at_ms in (pane - 1, pane)] == [True, False]
    progress.first_ms["service"] = DAY_0
    assert not wakes.asleep("m", progress, noon, two - 1), "its first pane of another part has come"
    wakes.sleep("m", revisions, progress, HOUR_MS)
    wakes.wake_all()
    assert not wakes.asleep("m", progress, noon, two - 1)
