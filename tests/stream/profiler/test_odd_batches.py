"""Odd messages count alike alone and among others: what a fast path takes, a slow one takes too."""

import json
from typing import Any

import pytest
from profiler_logs import CONFIG, START, bodies

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore
from tidegauge.definition import Definition, NumericGrid


def kinds() -> Catalog:
    definition = Definition(
        model="kinds", task="multiclass", classes=["a", "b"], features={"temp": "numeric"}, windows=["1h"]
    )
    return Catalog({"kinds": [compile_model(definition, {"temp": NumericGrid([0.0, 1.0])})]})


def read(role: str, *batches: list[bytes]) -> ShardCore:
    core, offset = ShardCore(0, kinds(), CONFIG), 0
    for values in batches:
        offsets = list(range(offset, offset + len(values)))
        getattr(core, role)(RawBatch(0, offsets, [-1] * len(values), list(values)))
        offset += len(values)
    return core


def prediction(number: int, **members: Any) -> bytes:
    event = {"prediction_id": f"id{number}", "model": "kinds", "timestamp_ms": START, "features": {"temp": 0.5}}
    return json.dumps({**event, **members}).encode()


PROBABLE = {"a": 0.2, "b": 0.8}
ODD = [
    prediction(1, probabilities={}),
    prediction(2, probabilities=[]),
    prediction(3, type=""),
    prediction(4, type=None, prediction="a"),
    prediction(5, type="prediction", prediction="a"),
    prediction(6, probabilities=[0.3, 0.7]),
    prediction(7, prediction=[0.5]),
    prediction(8, features={}),
]
OTHERS = [prediction(20, probabilities=PROBABLE), prediction(21, prediction="b"), b"{"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("other", OTHERS)
def test_a_prediction_counts_alike_alone_and_beside_another(odd: bytes, other: bytes) -> None:
    together, apart = read("predictions", [odd, other]), read("predictions", [odd], [other])
    assert together.counts == apart.counts
    assert bodies(together.store) == bodies(apart.store)


@pytest.mark.parametrize("kind", ["", None, "label", "feedback"])
def test_a_label_counts_alike_alone_and_beside_another(kind: str | None) -> None:
    event = {"prediction_id": "id", "model": "kinds", "label": "a", "timestamp_ms": START}
    odd = json.dumps({**event, "type": kind}).encode()
    for other in (json.dumps(event).encode(), b"{"):
        assert read("labels", [odd, other]).counts == read("labels", [odd], [other]).counts


def test_a_type_of_no_letters_is_unknown() -> None:
    assert read("predictions", [prediction(1, type="")]).counts["predictions"].dead == {"unknown_type": 1}
