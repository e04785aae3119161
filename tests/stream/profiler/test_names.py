"""Names are bounded, and come back from state."""

import numpy as np
import pytest

from stream.profiler.config import Limits
from stream.profiler.label_texts import BOOL, NUMBER, TEXT, LabelTexts
from stream.profiler.names import OTHER, Names
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
    assert np.array_equal(binary, [1.0, 0.0, np.nan, 0.0, 0.0, 1.0], equal_nan=True)
    classes = Definition(model="m", task="multiclass", classes=["on time", "late"])
    assert np.array_equal(texts.encode(classes, kinds, values), [1.0, 0.0, np.nan, 2.0, 2.0, 1.0], equal_nan=True)
    assert texts.overflowed == 1
    again = LabelTexts(2)
    again.load(texts.take_changes())
    assert np.array_equal(again.encode(classes, kinds, values), texts.encode(classes, kinds, values), equal_nan=True)
    assert again.take_changes() == {}
