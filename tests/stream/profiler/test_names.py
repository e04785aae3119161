"""Names are bounded, and come back from state."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import Limits, ShardConfig
from stream.profiler.contexts import Context, Contexts
from stream.profiler.label_texts import BOOL, NUMBER, TEXT, LabelTexts, declared_texts
from stream.profiler.messages import RawBatch
from stream.profiler.names import OTHER, Names
from stream.profiler.owned import Owned
from stream.profiler.shard import ShardCore
from stream.profiler.status import shard_status
from tidegauge.definition import Definition

LIMITS = Limits(models=2, versions_per_model=2, values_per_segment=2, contexts=3)


def test_beyond_a_limit_names_become_other_and_are_counted() -> None:
    names = Names(LIMITS)
    assert [names.model(name, {"declared"}) for name in ("a", "b", "c", "declared", "a")] == [
        "a", "b", OTHER, "declared", "a",
    ]  # fmt: skip
    assert [names.version("a", version) for version in ("1", "2", "3", "1")] == ["1", "2", OTHER, "1"]
    values = names.segment_values("a", "origin", ["JFK", None, "EWR", "LGA", "x" * 300, "JFK", ""])
    assert (values.names, values.codes.tolist()) == (["JFK", "EWR", OTHER], [0, -1, 1, 2, 2, 0, -1])
    contexts = [names.context("a", "1", segments) for segments in ((), ("o=x",), ("o=y",), ("o=z",), ("o=x",))]
    assert contexts == [0, 1, 2, 0, 1]
    assert names.overflowed == {"model": 1, "version": 1, "segment_value": 2, "context": 1}


def test_names_come_back_from_state() -> None:
    names = Names(LIMITS)
    names.model("a", set())
    names.version("a", "1")
    names.segment_values("a", "origin", ["JFK"])
    context = names.context("a", "1", ("origin=JFK",))
    fields = names.take_changes()
    assert names.take_changes() == {}
    again = Names(LIMITS)
    again.load(fields)
    assert again.resolve(context) == names.resolve(context)
    assert again.context("a", "1", ("origin=JFK",)) == context
    assert [again.model(name, set()) for name in ("a", "b", "c")] == ["a", "b", OTHER]
    assert again.segment_values("a", "origin", ["EWR", "LGA"]).names == ["EWR", OTHER]
    assert again.take_changes().keys() == {b"n|a", b"n|b"}


@pytest.mark.parametrize(
    ("label", "kind"), [(1.25, NUMBER), ("late", TEXT), (True, BOOL), (3, NUMBER), (1e300, NUMBER)]
)
def test_a_label_is_kept_as_it_came(*, label: float | str | bool, kind: int) -> None:
    texts = LabelTexts(10)
    packed = texts.pack(label)
    assert packed[0] == kind
    assert texts.unpack(*packed) == (float("inf") if label == 1e300 else label)


def test_labels_are_read_by_the_task_they_meet() -> None:
    texts = LabelTexts(2)
    packed = [texts.pack(label) for label in ("late", "on time", "beyond the limit", 1.0, True, "late")]
    kinds, values = np.array([k for k, _ in packed]), np.array([v for _, v in packed], dtype=np.float32)
    binary = texts.encode(Definition(model="m", task="binary", positive="late"), kinds, values)
    assert binary.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    classes = Definition(model="m", task="multiclass", classes=["on time", "late"])
    assert texts.encode(classes, kinds, values).tolist() == [1.0, 0.0, 2.0, 2.0, 2.0, 1.0]
    assert texts.overflowed == 1
    again = LabelTexts(2)
    again.load(texts.take_changes())
    assert again.encode(classes, kinds, values).tolist() == texts.encode(classes, kinds, values).tolist()
    assert again.take_changes() == {}


ANIMALS = Definition(model="m", task="multiclass", classes=["cat", "dog"])
FRUIT = Definition(model="f", task="binary", positive="apple")


@pytest.mark.parametrize("others", [[], [1.0]], ids=["texts", "texts and numbers"])
def test_texts_that_a_definition_names_have_room_in_a_full_table(others: list[float]) -> None:
    texts = LabelTexts(2)
    texts.pack_all(["id-1", "id-2"])
    texts.declared = declared_texts(Catalog().with_revision(compile_model(ANIMALS)).with_revision(compile_model(FRUIT)))
    labels = ["dog", "id-3", "apple", "cat", "id-1", "no", "id-3", *others]
    kinds, values = texts.pack_all(labels)
    again = LabelTexts(2)
    again.load(texts.take_changes())
    for reader in (texts, again):
        assert reader.encode(ANIMALS, kinds, values).tolist() == [1, 2, 2, 0, 2, 2, 2, *(2 for _ in others)]
        assert reader.encode(FRUIT, kinds, values).tolist() == [0, 0, 1, 0, 0, 0, 0, *(0 for _ in others)]
        plain = reader.encode(Definition(model="b", task="binary"), kinds, values)[:7]
        assert np.array_equal(plain, [np.nan, np.nan, np.nan, np.nan, np.nan, 0, np.nan], equal_nan=True)
    assert texts.overflowed == 2
    assert np.isnan(values[[0, 1, 2, 3, 5, 6]]).all(), "the release before reads no label"
    assert again.pack_all(labels)[1].tobytes() == values.tobytes()
    assert again.take_changes() == {}


def test_a_text_beyond_the_limit_of_the_release_before_stays_no_label() -> None:
    kinds, values = np.array([TEXT]), np.array([-1], dtype=np.float32)
    assert np.isnan(LabelTexts(0).encode(FRUIT, kinds, values)).all()
    assert np.isnan(LabelTexts(0).encode(ANIMALS, kinds, values)).all()


def test_labels_beyond_the_limit_are_told_beside_the_names() -> None:
    core = ShardCore(0, Catalog(), ShardConfig(idle_ms=None, limits=Limits(label_texts=1)))
    labels = [
        json.dumps({"prediction_id": text, "model": "m", "timestamp_ms": 1_704_067_200_000, "label": text}).encode()
        for text in ("first", "second", "third")
    ]
    core.labels(RawBatch(0, [0, 1, 2], [-1] * 3, labels))
    untouched: Any = None
    assert shard_status(Owned(untouched, Checkpoints(core, 1, 0))).overflowed == {"label_text": 2}


def test_a_context_that_comes_back_has_its_id_until_that_is_free() -> None:
    contexts = Contexts()
    old, other = Context("m", "1", ()), Context("m", "2", ())
    ids = np.array([contexts.add(old), contexts.add(other)], dtype=np.uint32)
    contexts.used(ids, np.array([10, 12]))
    assert contexts.retire(12)
    assert (contexts.find(old), contexts.find(other), len(contexts)) == (None, 1, 1)
    assert (contexts.add(old), contexts.resolve(0)) == (0, old)
    contexts.used(ids[:1], np.array([13]))
    assert contexts.retire(14)
    assert contexts.free(lambda count: np.arange(count) == 0)
    assert contexts.resolve(0) == old, "a record has it"
    with pytest.raises(LookupError, match="context 1 was forgotten"):
        contexts.resolve(1)
    assert contexts.take_changes()[b"c|1"] is None
    assert contexts.add(Context("m", "3", ())) == 1
    assert contexts.add(Context("m", "4", ())) == 2


def test_contexts_of_a_release_that_told_no_day_are_forgotten_in_spite_of_reloads() -> None:
    names = Names(LIMITS)
    names.model("a", set())
    names.version("a", "1")
    names.context("a", "1", ())
    fields = {name: value for name, value in names.take_changes().items() if value is not None}
    fields[b"c|0"] = msgspec.msgpack.encode(("a", "1", ()))
    for day in (20, 25):
        names = Names(LIMITS)
        names.load(fields, 0, day)
        fields |= {name: value for name, value in names.take_changes().items() if value is not None}
    assert names.forget(22, lambda count: np.zeros(count, dtype=np.bool_))
    assert names.take_changes()[b"c|0"] is None
