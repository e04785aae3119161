"""Models that are trained anew day by day, for ever: names that nobody has any more make room for others."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from fake_store import FakeStore
from profiler_logs import CONFIG, START, Event, catalog, comparable, feed, without_empty

from stream.parts.keys import PartKey
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import Limits, ShardConfig
from stream.profiler.shard import ShardCore
from stream.profiler.state import part_key
from stream.timeline.durations import DAY_MS

DAYS, ROWS = 7, 24


def config(limits: Limits) -> ShardConfig:
    return replace(CONFIG, limits=limits)


ROOMY = config(Limits(versions_per_model=4, values_per_segment=4, contexts=30))
BOUNDLESS = config(Limits())
TIGHT = config(Limits(versions_per_model=2, values_per_segment=2, contexts=5))


def nightly(seed: int) -> tuple[list[Event], list[Event]]:
    """A champion that stays, and a challenger a day with a build of its own; labels after up to two hours."""
    rng = random.Random(seed)
    rows, labels = [], []
    for i in range(DAYS * ROWS):
        ts = START + i * (DAY_MS // ROWS) + rng.randrange(60_000)
        ts -= rng.choice([0, 0, 0, 1_200_000])
        build = (ts - START) // DAY_MS
        row: Event = {
            "prediction_id": f"id{i}",
            "model": rng.choice(["planner", "planner", "gate"]),
            "version": rng.choice(["champion", f"v{build}", f"v{build}"]),
            "timestamp_ms": ts,
            "prediction": rng.randrange(65) / 64,
            "features": {"temp": rng.choice([-1.5, 5.0, 15.0]), "carrier": "UA"},
            "segments": rng.choice([{}, {"origin": f"build{build}"}]),
            "broker_ms": -1,
        }
        rows.append(row)
        for _ in range(rng.choice([0, 1, 2])):
            label = {key: row[key] for key in ("prediction_id", "model", "broker_ms")}
            age_ms = rng.choice([60_000, 3_000_000, 7_000_000])
            labels.append({**label, "timestamp_ms": ts + age_ms, "label": rng.choice(["late", "on time"])})
    return rows, sorted(labels, key=lambda label: label["timestamp_ms"])


@dataclass
class Story:
    """What came of both logs: every part there ever was, what was folded, most contexts in the store."""

    parts: dict[PartKey, bytes] = field(default_factory=dict)
    folded: dict[str, int] = field(default_factory=dict)
    contexts: int = 0

    def read(self, fields: Mapping[bytes, bytes | None]) -> None:
        """Take in what a checkpoint holds."""
        for name, body in fields.items():
            if name.startswith(b"p|") and body is not None:
                key = part_key(name)
                self.parts[key] = comparable(key.part, body)


def read(rows: list[Event], labels: list[Event], config: ShardConfig, rng: random.Random | None = None) -> Story:
    """Read both logs: predictions first, or with `rng` in any order, going on from the store's state now and then."""
    story, store = Story(), FakeStore()
    checkpoints = Checkpoints(ShardCore(0, catalog(), config), 1, 0)
    feeding = feed(checkpoints.core, rows, labels, rng, 50)
    while next(feeding, feeding) is not feeding:
        taken = checkpoints.take(0)
        assert taken is not None
        story.read(taken.delta.fields)
        publication = checkpoints.landed(taken, store.commit(taken.delta))
        checkpoints.delivered(publication.profiles, publication.seq)
        story.contexts = max(story.contexts, sum(name.startswith(b"c|") for name in store.fields))
        story.folded |= checkpoints.core.names.overflowed
        if rng is not None and rng.random() < 0.05:
            core, loaded = ShardCore(0, catalog(), config), store.load(1)
            core.load(loaded)
            checkpoints = Checkpoints(core, 1, loaded.seq, loaded)
            feeding = feed(core, rows, labels, rng)
    story.parts = without_empty(story.parts)
    return story


@pytest.mark.parametrize("seed", range(2))
def test_a_new_version_and_value_a_day_are_never_folded(seed: int) -> None:
    rows, labels = nightly(seed)
    story = read(rows, labels, ROOMY, random.Random(seed))
    assert story.folded == {}
    assert {f"v{day}" for day in range(DAYS)} <= {key.version for key in story.parts}
    assert story.parts == read(rows, labels, BOUNDLESS).parts


@pytest.mark.parametrize("limits", [ROOMY, TIGHT], ids=["roomy", "tight"])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_names_are_kept_however_the_logs_are_read(seed: int, limits: ShardConfig) -> None:
    rows, labels = nightly(seed)
    first = read(rows, labels, limits)
    assert bool(first.folded) == (limits is TIGHT)
    for order in range(2):
        assert read(rows, labels, limits, random.Random(order)).parts == first.parts


def test_ids_are_given_anew_once_the_join_log_has_no_record_of_them() -> None:
    rows, labels = nightly(0)
    with_labels = read(rows, labels, BOUNDLESS, random.Random(0))
    labels_last = read(rows, labels, BOUNDLESS)
    assert labels_last.contexts > 35
    assert with_labels.contexts < 30
    assert with_labels.parts == labels_last.parts


def test_contexts_are_bounded_where_the_labels_stand_still() -> None:
    """The join log is full of the first days' predictions: those of later days have no record."""
    rows, labels = nightly(0)
    story = read(
        rows, labels[:1], config(Limits(versions_per_model=4, values_per_segment=4, contexts=30, outstanding=20))
    )
    assert story.contexts < 30


def one(name: str, timestamp_ms: int, version: str = "v", origin: str | None = None) -> Event:
    segments = {} if origin is None else {"origin": origin}
    return {
        "prediction_id": name, "model": "planner", "version": version, "timestamp_ms": timestamp_ms, "prediction": 0.5,
        "features": {}, "segments": segments, "broker_ms": -1,
    }  # fmt: skip


def test_a_repeat_is_one_although_its_version_has_room_by_now() -> None:
    midnight = START // DAY_MS * DAY_MS + 2 * DAY_MS
    before = [one("a", midnight - 2 * DAY_MS, "v1"), one("b", midnight - 2 * DAY_MS, "v2")]
    mine = [one("x", midnight - 600_000, "mine"), one("c", midnight + 60_000), one("x", midnight + 120_000, "mine")]
    core = ShardCore(0, catalog(), TIGHT)
    for _ in feed(core, [*before, one("d", midnight - DAY_MS + 60_000, "v1"), *mine], [], batch=1):
        pass
    assert core.names.overflowed == {"version": 2}  # "mine" and "v", before room was made
    assert core.counts["predictions"].dropped == {"duplicate": 1}


def test_history_in_the_first_message_keeps_the_names_that_single_batches_would() -> None:
    """Before the first message there is no watermark; its rows may be older than what is remembered."""
    fields = {"type": "batch", "model": "planner", "version": "v1", "predictions": [0.5] * 4, "broker_ms": -1}
    times = [START, START + 1, START + 2, START + 4 * DAY_MS]
    history = {
        **fields,
        "prediction_ids": list("abcd"),
        "timestamps_ms": times,
        "segments": {"origin": ["A", "B", "C", None]},
    }
    log = [history, *(one(name, START + 4 * DAY_MS + 1_000, origin=name) for name in "DE")]
    tight = config(Limits(values_per_segment=3))
    found = []
    for size in (1, 3):
        core = ShardCore(0, catalog(), tight)
        for _ in feed(core, log, [], batch=size):
            pass
        found.append(sorted({key.segment for key in core.store}))
    assert found[0] == found[1]
