"""A decoder made for one model reads what the general one reads: same parts, same counts, same dead letters."""

import json
import random

import pytest
from profiler_logs import CONFIG, START, bodies, catalog

from stream.profiler.messages import DeadLetter, RawBatch
from stream.profiler.shard import ShardCore
from stream.profiler.typed import REST_BATCHES, TypedChoice

GOOD = {"temp": 5.0, "carrier": "UA"}
ODD = [
    {"temp": 5, "carrier": "UA"},
    {"temp": True, "carrier": False},
    {"temp": None, "carrier": None},
    {"temp": "5.0", "carrier": 7},
    {"temp": [1.0], "carrier": ["UA"]},
    {"temp": 1e308, "carrier": 7.5},
    {"temp": 10**400, "carrier": "UA"},
    {"temp": 2**70, "carrier": "ZZ"},
    {"carrier": "UA"},
    {},
    {**GOOD, "more": 1.0},
    {**GOOD, **{f"f{i}": 1.0 for i in range(10_000)}},
]


def message(number: int, **change: object) -> bytes:
    event = {
        "prediction_id": f"id{number}", "model": "planner", "version": "v1", "timestamp_ms": START + number * 1_000,
        "features": GOOD, "prediction": number % 65 / 64, "latency_ms": 3.0, "segments": {"origin": "JFK"}, **change,
    }  # fmt: skip
    return json.dumps(event).encode()


def read(core: ShardCore, batches: list[list[bytes]]) -> list[DeadLetter]:
    dead, offset = [], 0
    for values in batches:
        offsets = list(range(offset, offset + len(values)))
        dead += core.predictions(RawBatch(0, offsets, [-1] * len(values), values))
        offset += len(values)
    return dead


def general() -> ShardCore:
    core = ShardCore(0, catalog(), CONFIG)
    core._typed = NoChoice(CONFIG.limits)
    return core


class NoChoice(TypedChoice):
    def next(self, _: object) -> None:
        return None


def compare(batches: list[list[bytes]]) -> ShardCore:
    typed, plain = ShardCore(0, catalog(), CONFIG), general()
    assert read(typed, batches) == read(plain, batches)
    assert bodies(typed.store) == bodies(plain.store)
    assert typed.counts == plain.counts
    assert typed.take_fields() == plain.take_fields()
    return typed


@pytest.mark.parametrize("features", ODD)
def test_odd_features_are_read_alike(features: dict[str, object]) -> None:
    odd = message(5, features=features)
    compare([[message(i) for i in range(4)], [message(4), odd, message(6)], [odd], [message(7)]])


def test_it_is_used_where_a_batch_holds_one_model() -> None:
    core = ShardCore(0, catalog(), CONFIG)
    read(core, [[message(0), message(1)]])
    chosen = core._typed.next(core.rules.catalog)
    assert chosen is not None
    assert chosen.names == ("temp", "carrier")


def test_after_a_batch_that_does_not_fit_it_rests() -> None:
    core = ShardCore(0, catalog(), CONFIG)
    read(core, [[message(0)], [message(1)], [message(2, features={**GOOD, "more": 1.0})]])
    used = []
    for _ in range(REST_BATCHES + 2):
        used.append(core._typed.next(core.rules.catalog) is not None)
        core._typed.saw({"planner"}, core.rules.catalog, tried=used[-1], fitted=used[-1])
    assert not any(used[: REST_BATCHES // 2])
    assert used[-1]


@pytest.mark.parametrize("seed", range(5))
def test_random_batches_are_read_alike(seed: int) -> None:
    rng = random.Random(seed)
    values = []
    for number in range(120):
        change: dict[str, object] = {}
        if rng.random() < 0.05:
            change["features"] = rng.choice(ODD[:-1])
        if rng.random() < 0.03:
            change |= rng.choice([{"model": "gate"}, {"timestamp_ms": -1}, {"version": "x" * 300}, {"type": "x"}])
        values.append(message(number, **change))
    batches = []
    while values:
        size = rng.choice([1, 3, 10])
        batches.append(values[:size])
        del values[:size]
    compare(batches)
