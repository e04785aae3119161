"""Random logs of batch messages full of trouble, and the same rows as messages of their own."""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from profiler_logs import START

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler.config import Limits, ShardConfig
from tidegauge.codec import encode
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid
from tidegauge.events import PredictionBatch

LIMITS = Limits(models=3, versions_per_model=2, values_per_segment=3, contexts=6, features=4, text_length=40)
CONFIG = ShardConfig(retention_ms=1_800_000, bucket_ms=600_000, idle_ms=None, limits=LIMITS)
MODELS = ("planner", "planner", "planner", "kinds", "price", "gate", "nobody")
SWITCH_MS = START + 3_600_000

Draw = st.DrawFn


@dataclass(frozen=True)
class Log:
    """Messages of both topics: batches, or bytes that stand for themselves; one broker time a prediction message."""

    predictions: list[PredictionBatch | bytes]
    broker_ms: list[int]
    labels: list[bytes]


@cache
def catalog() -> Catalog:
    """One model of each task, one that changes its grids in the middle; "nobody" is left to be learnt."""
    temp, carrier = NumericGrid([0.0, 10.0, 20.0]), CategoricalGrid(["UA", "AA", "true", "7"])
    features = {"temp": "numeric", "wind": "numeric", "carrier": "categorical"}
    grids: dict[str, FeatureGrid] = {"temp": temp, "wind": NumericGrid([0.0, 1.0]), "carrier": carrier}
    scored: dict[str, FeatureGrid] = {**grids, "__score__": NumericGrid([0.25, 0.5, 0.75])}
    common: dict[str, Any] = {
        "segments": ["origin", "tier"], "features": features, "label_horizon": "2h", "label_ages": ["10m"],
        "windows": ["1h"],
    }  # fmt: skip
    planner = Definition(model="planner", task="binary", positive="late", **common)
    kinds = Definition(model="kinds", task="multiclass", classes=["a", "b", "true"], **common)
    price = Definition(model="price", task="regression", lateness="20s", **common)
    gate = Definition(model="gate", task="binary", **common)
    finer = {**scored, "temp": NumericGrid([0.0, 5.0, 10.0, 15.0])}
    later = msgspec.structs.replace(gate, segments=["origin"])
    return Catalog(
        {
            "planner": [compile_model(planner, scored)],
            "kinds": [compile_model(kinds, grids)],
            "price": [compile_model(price, scored)],
            "gate": [compile_model(gate, scored), compile_model(later, finer, effective_from_ms=SWITCH_MS)],
        }
    )


NUMBERS = st.sampled_from([None, -1.5, 0.0, 5.0, 5, 15.25, 0.1, 1e308, -1e308])
TEXTS = st.sampled_from([None, "UA", "AA", "ZZ", "", "true", "7", "7.5"])
ODD = st.sampled_from([None, 7.0, True, False, "UA", "x", [0.5], [None], [], 1e308])
SCORES = st.sampled_from([None, 0.0, 0.3, 0.5, 1.0, 1.5, -0.25, 1e300])
CLASSES = st.sampled_from([None, "late", "a", "b", "zz", "true"])
MIXED = st.one_of(SCORES, CLASSES, st.sampled_from([True, [0.1, 0.9], [0.2, 0.3, 0.5]]))
PROBABILITIES = st.sampled_from([None, {}, [], {"late": 0.25, "a": 0.2, "b": 0.7}, [0.1, 0.2, 0.7], {"true": 0.4}])
COLUMNS = {"temp": (NUMBERS, TEXTS, ODD), "wind": (NUMBERS, ODD), "carrier": (TEXTS, NUMBERS, ODD), "more": (ODD,)}


def column(draw: Draw, rows: int, *values: st.SearchStrategy[Any]) -> list[Any]:
    chosen = draw(st.sampled_from(values))
    return draw(st.lists(chosen, min_size=rows, max_size=rows))


@st.composite
def batches(draw: Draw, base_ms: int) -> PredictionBatch:
    """Rows within nine seconds: alone they are as late as together."""
    rows = draw(st.integers(1, 14))
    some = draw(st.sets(st.sampled_from(sorted(COLUMNS))))
    optional = draw(st.sets(st.sampled_from(["predictions", "probabilities", "latencies_ms", "errors"])))
    kinds: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
        "predictions": (SCORES, SCORES, CLASSES, MIXED),
        "probabilities": (PROBABILITIES,),
        "latencies_ms": (st.sampled_from([None, 3.0, 800.0, -1.0, 0]),),
        "errors": (st.sampled_from([None, None, "timeout", ""]),),
    }
    return PredictionBatch(
        prediction_ids=column(draw, rows, st.integers(0, 60).map("id{}".format)),
        model=draw(st.sampled_from(MODELS)),
        version=draw(st.sampled_from(["v1", "v1", "v2", "v3", ""])),
        timestamps_ms=column(draw, rows, st.integers(base_ms, base_ms + 9_000)),
        features={name: column(draw, rows, *COLUMNS[name]) for name in sorted(some)},
        segments={
            name: column(draw, rows, st.sampled_from([None, "", "JFK", "EWR", "LGA", "SFO", "x" * 300]))
            for name in draw(st.sets(st.sampled_from(["origin", "tier", "other"])))
        },
        signals={"fare": column(draw, rows, NUMBERS)} if draw(st.booleans()) else {},
        **{name: column(draw, rows, *kinds[name]) for name in sorted(optional)},
    )


def spoilt(draw: Draw, batch: PredictionBatch) -> PredictionBatch | bytes:
    """Make one row, or the whole message, bad; or put something else in its place."""
    rows = len(batch.prediction_ids)
    at = draw(st.integers(0, rows - 1))

    def changed(name: str, value: Any) -> PredictionBatch:
        return msgspec.structs.replace(
            batch, **{name: [*getattr(batch, name)[:at], value, *getattr(batch, name)[at + 1 :]]}
        )

    return draw(
        st.sampled_from(
            [
                changed("prediction_ids", ""),
                changed("prediction_ids", "x" * 41),
                changed("prediction_ids", "a\x00b"),
                changed("timestamps_ms", -1),
                changed("timestamps_ms", 1 << 62),
                msgspec.structs.replace(batch, version="v" * 41),
                msgspec.structs.replace(batch, version="\x00"),
                msgspec.structs.replace(batch, timestamps_ms=[1]),
                msgspec.structs.replace(batch, latencies_ms=[1.0] * (rows + 1)),
                msgspec.structs.replace(batch, segments={"origin": []}),
                msgspec.structs.replace(batch, signals={"fare": [1.0] * (rows + 1)}),
                msgspec.structs.replace(batch, features={f"f{i}": [1.0] * rows for i in range(5)}),
                msgspec.structs.replace(batch, features={"note": ["\x00"] * rows}),
                msgspec.structs.replace(batch, prediction_ids=[], timestamps_ms=[]),
                encode(batch)[:-1],
                encode(batch)[:-1] + b',"type":"other"}',
                encode(batch).replace(b'"timestamps_ms":[', b'"timestamps_ms":[1e999,'),
                encode(batch).replace(b'"timestamps_ms":[', b'"timestamps_ms":[9223372036854775808,'),
                json.dumps({"type": "watermark", "timestamp_ms": START - 600_000}).encode(),
                json.dumps({"prediction_id": "batch", "model": "planner", "timestamp_ms": START + 7}).encode(),
            ]
        )
    )


@st.composite
def logs(draw: Draw, *, odd: bool = True) -> Log:
    """Some messages, most of them later than the one before, some late or far too late; labels for what they hold."""
    predictions: list[PredictionBatch | bytes] = []
    broker_ms, labels, at_ms = [], [], START
    for _ in range(draw(st.integers(1, 6))):
        at_ms += draw(st.sampled_from([0, 5_000, 700_000, 3_600_000, -15_000, -600_000, -2_000_000]))
        batch = draw(batches(at_ms))
        predictions.append(spoilt(draw, batch) if odd and draw(st.integers(0, 3)) == 0 else batch)
        broker_ms.append(draw(st.sampled_from([-1, at_ms, at_ms - 12_000])))
        labels += [_label(draw, batch, row) for row in draw(st.sets(st.integers(0, len(batch.prediction_ids) - 1)))]
    return Log(predictions, broker_ms, labels)


def singles(log: Log) -> Log:
    """The same rows as messages of their own."""
    predictions: list[PredictionBatch | bytes] = []
    broker_ms: list[int] = []
    for batch, at_ms in zip(log.predictions, log.broker_ms, strict=True):
        assert isinstance(batch, PredictionBatch)
        predictions += [_single(batch, row) for row in range(len(batch.prediction_ids))]
        broker_ms += [at_ms] * len(batch.prediction_ids)
    return replace(log, predictions=predictions, broker_ms=broker_ms)


def _single(batch: PredictionBatch, row: int) -> bytes:
    event = {"model": batch.model, "version": batch.version}
    names = {
        "prediction_ids": "prediction_id", "timestamps_ms": "timestamp_ms", "predictions": "prediction",
        "probabilities": "probabilities", "latencies_ms": "latency_ms", "errors": "error",
    }  # fmt: skip
    event |= {name: getattr(batch, column)[row] for column, name in names.items() if getattr(batch, column)}
    for group in ("features", "segments", "signals"):
        entries = {name: values[row] for name, values in getattr(batch, group).items()}
        event[group] = {k: v for k, v in entries.items() if group == "features" or v is not None}
    return json.dumps(event).encode()


def _label(draw: Draw, batch: PredictionBatch, row: int) -> bytes:
    age_ms = draw(st.sampled_from([-30_000, -5_000, 60_000, 1_200_000, 7_300_000]))
    times: Any = batch.timestamps_ms
    event = {
        "prediction_id": batch.prediction_ids[row],
        "label": draw(st.sampled_from(["late", "a", "b", 1.5, True])),
        "timestamp_ms": times[row] + age_ms,
        "model": draw(st.sampled_from([batch.model, batch.model, ""])),
    }
    return json.dumps(event).encode()
