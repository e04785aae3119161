"""The same log gives the same profiles: at other batch sizes, other interleavings, and after any crash."""

import random
from collections.abc import Callable

import pytest
from fake_store import FakeStore
from profiler_logs import CONFIG, bodies, catalog, comparable, feed, random_logs, run, without_empty

from stream.parts.keys import PartKey
from stream.profiler.checkpoints import Checkpoints, Publication
from stream.profiler.schedule import Progress, closed
from stream.profiler.shard import ShardCore
from tidegauge.profiles import ShardWatermark

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_and_interleavings_do_not_matter(seed: int) -> None:
    rows, labels = random_logs(seed)
    whole = run(rows, labels)
    assert len(whole.store) > 50
    for interleaving in range(3):
        other = run(rows, labels, random.Random(interleaving))
        assert bodies(other.store) == bodies(whole.store)
        assert other.progress == whole.progress
        assert other.counts == whole.counts


class Monitor:
    """Keeps the newest snapshot of every part, by (epoch, seq)."""

    def __init__(self) -> None:
        self.newest: dict[PartKey, tuple[tuple[int, int], bytes]] = {}

    def read(self, publication: Publication) -> None:
        for profile in publication.profiles.values():
            order = (profile.epoch, profile.seq)
            key = PartKey.of(profile)
            if order >= self.newest.get(key, ((0, 0), b""))[0]:
                self.newest[key] = (order, profile.body)


Check = Callable[[Monitor, ShardWatermark], None]


def _owner(store: FakeStore, epoch: int) -> Checkpoints:
    loaded = store.load(epoch)
    core = ShardCore(0, catalog(), CONFIG)
    core.load(loaded)
    return Checkpoints(core, epoch, loaded.seq, loaded)


def _live(seed: int, crash: float, check: Check | None = None) -> tuple[FakeStore, Monitor, Checkpoints]:
    """Run with checkpoints; the owner dies now and then: after a batch, or before it published a checkpoint."""
    rng = random.Random(f"{seed}{crash}")
    rows, labels = random_logs(seed)
    store, monitor, now, owner = FakeStore(), Monitor(), 0, None
    for epoch in range(1, 1_000):
        owner = _owner(store, epoch)
        _publish(owner, owner.republish(), monitor, check)
        for _ in feed(owner.core, rows, labels, rng):
            now += 1_000
            publication = _checkpoint(owner, store, now) if rng.random() < 0.5 else None
            if rng.random() < crash:
                break
            if publication is not None:
                _publish(owner, publication, monitor, check)
        else:
            for _ in range(3):
                now += 10 * 86_400_000
                publication = _checkpoint(owner, store, now)
                if publication is not None:
                    _publish(owner, publication, monitor, check)
            return store, monitor, owner
    raise AssertionError("it crashed without end")


def _checkpoint(owner: Checkpoints, store: FakeStore, now: int) -> Publication | None:
    checkpoint = owner.take(now)
    return None if checkpoint is None else owner.landed(checkpoint, store.commit(checkpoint.delta))


def _publish(owner: Checkpoints, publication: Publication, monitor: Monitor, check: Check | None) -> None:
    monitor.read(publication)
    owner.delivered(publication.profiles, publication.seq)
    if check is not None:
        check(monitor, publication.watermark)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_at_any_point_changes_nothing(seed: int) -> None:
    rows, labels = random_logs(seed)
    _, _, calm = _live(seed, 0.0)
    store, _, restless = _live(seed, 0.15)
    assert (calm.epoch, restless.epoch > 2) == (1, True)
    assert restless.core.counts == calm.core.counts == run(rows, labels).counts
    # A label without a model that waited for two predictions is counted by both, if they came after it: by design.
    restless_memory, calm_memory = restless.core.memory, calm.core.memory
    anonymous = sum(not label["model"] for label in labels)
    assert abs(restless_memory.unmatched - calm_memory.unmatched) <= anonymous // 20
    assert restless_memory.joiner.labels.buckets == calm_memory.joiner.labels.buckets
    assert bodies(restless.core.store) == bodies(calm.core.store)
    assert bodies(_owner(store, 9_999).core.store) == bodies(calm.core.store)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_published_last_is_what_the_log_says(seed: int) -> None:
    """At the end every part, those forgotten by then included, was published in its last state."""
    store, monitor, owner = _live(seed, 0.15)
    assert owner.unpublished == 0
    assert store.unpublished == {}
    found = without_empty({key: comparable(key.part, body) for key, (_, body) in monitor.newest.items()})
    assert found == bodies(run(*random_logs(seed)).store)
    assert len(owner.core.store) < len(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_when_a_watermark_is_told_every_part_below_it_is_final_and_there(seed: int) -> None:
    final = bodies(run(*random_logs(seed)).store)
    told, compared = [], {}

    def check(monitor: Monitor, watermark: ShardWatermark) -> None:
        progress = Progress(watermark.predictions_ms, watermark.labels_ms)
        told.append(progress.predictions_ms)
        for key, body in final.items():
            if closed(key, progress) and compared.get(key) != monitor.newest[key]:
                assert comparable(key.part, monitor.newest[key][1]) == body
                compared[key] = monitor.newest[key]

    _live(seed, 0.15, check)
    assert len(set(told)) > 5
