"""A model of classes whose rows have no features: nothing to learn but the reference, and its classes drift."""

import json
import random
from collections.abc import Iterator

import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import LearnedModel, LearnedReference
from stream.profiler.config import ShardConfig
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from stream.timeline.durations import DAY_MS
from tests.stream.monitor.world import DAY_0, alerts
from tidegauge.codec import encode_profiles
from tidegauge.definition import Definition, ReferenceSpec
from tidegauge.profiles import ProfileBundle, WatermarkReport

CLASSES = ["cat", "dog", "emu"]
DEFINITION = Definition(
    model="m",
    task="multiclass",
    classes=CLASSES,
    label_horizon="2h",
    reference=ReferenceSpec(learn="10d"),
    windows=["1d"],
)
ROWS, DAYS, CHANGED = 400, 24, 20


def messages(core: ShardCore, change: str) -> Iterator[bytes]:
    """Yield a day's profiles and its watermark, day by day; in the end the shares or the set of classes changes."""
    rng = random.Random(1)
    for day in range(DAYS):
        changed = change if day >= CHANGED else ""
        weights = (1, 3, 6) if changed == "shares" else (6, 3, 1)
        rows, labels = [], []
        for i in range(ROWS):
            ts = DAY_0 + day * DAY_MS + i * (DAY_MS // ROWS)
            named = {"prediction_id": f"{day}-{i}", "model": "m"}
            (given,) = ["fox"] if changed == "fox" and i % 40 == 0 else rng.choices(CLASSES, weights)
            rows.append(json.dumps({**named, "timestamp_ms": ts, "prediction": given, "features": {}}).encode())
            label = given if rng.random() < 0.8 else rng.choice(CLASSES)
            labels.append(json.dumps({**named, "timestamp_ms": ts + 60_000, "label": label}).encode())
        offsets = list(range(day * ROWS, (day + 1) * ROWS))
        assert core.predictions(RawBatch(0, offsets, [-1] * ROWS, rows)) == []
        assert core.labels(RawBatch(0, offsets, [-1] * ROWS, labels)) == []
        profiles = [
            key.profile(core.store.snapshot(key), shard=0, epoch=1, seq=day + 1) for key in core.store.take_dirty()
        ]
        yield encode_profiles(ProfileBundle(profiles))
        yield encode_profiles(WatermarkReport("worker", 1, [core.watermark(1, day + 1)]))


@pytest.mark.parametrize(("change", "kind"), [("shares", "score"), ("fox", "schema")])
def test_classes_without_features_are_learnt_and_judged(change: str, kind: str) -> None:
    catalog = Catalog().with_revision(compile_model(DEFINITION))
    shard = ShardCore(0, catalog, ShardConfig(idle_ms=None))
    shard.impatient = frozenset({"m"})
    core, outputs = MonitorCore(0, catalog), []
    for message in messages(shard, change):
        core.apply(message)
        while new := core.advance():
            outputs += new
            for learned in new:
                if isinstance(learned, LearnedModel):
                    found = compile_model(learned.definition, learned.grids, learned.effective_from_ms)
                    assert not found.learning
                    catalog = catalog.with_revision(found)
                if isinstance(learned, LearnedReference):
                    catalog = catalog.with_reference(learned.reference, learned.effective_from_ms)
            core.set_catalog(catalog)
            shard.set_catalog(catalog)
    learned = [type(output) for output in outputs if isinstance(output, LearnedModel | LearnedReference)]
    assert learned == [LearnedModel, LearnedReference]
    told = alerts(outputs)
    assert [(alert.kind, alert.subject) for alert in told] == [(kind, "score")]
    assert told[0].decided_at_ms >= DAY_0 + CHANGED * DAY_MS
