import math

import numpy as np
import pytest
import xxhash

from stream.parts.encoding import as_float32, category_text, encode_class, encode_label, encode_score
from stream.parts.hashes import hash_ids
from tidegauge.definition import Definition

BINARY = Definition(model="m", task="binary", positive="late")
UNNAMED = Definition(model="m", task="binary")
MULTICLASS = Definition(model="m", task="multiclass", classes=["cat", "dog", "7"])
REGRESSION = Definition(model="m", task="regression")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (True, "true"),
        (np.bool_(0), "false"),
        (5, "5"),
        (5.0, "5"),
        (2.5, "2.5"),
        (None, None),
        (math.nan, None),
    ],
)
def test_categories_as_text(value: object, text: str | None) -> None:
    assert category_text(value) == text


@pytest.mark.parametrize(
    ("definition", "value", "score"),
    [
        (BINARY, 0.1, float(np.float32(0.1))),
        (BINARY, "late", 1.0),
        (BINARY, "early", 0.0),
        (BINARY, True, 1.0),
        (UNNAMED, "no", 0.0),
        (REGRESSION, 3, 3.0),
        (REGRESSION, 1e300, math.inf),
    ],
)
def test_scores(definition: Definition, value: object, score: float) -> None:
    assert encode_score(definition, value) == score


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (BINARY, None),
        (REGRESSION, "3"),
        (UNNAMED, "maybe"),
        (MULTICLASS, 0.5),
        (BINARY, math.nan),
        (BINARY, [0.2, 0.8]),
        (BINARY, np.array([0.2, 0.8])),
        (UNNAMED, (0.2, 0.8)),
        (REGRESSION, [1.0]),
    ],  # fmt: skip,
)
def test_what_is_no_score(definition: Definition, value: object) -> None:
    assert math.isnan(encode_score(definition, value))


def test_classes_are_codes_and_all_others_one_more() -> None:
    values = ["cat", "dog", 7, "fish", [0.1, 0.8, 0.1]]
    assert [encode_class(MULTICLASS, value) for value in values] == [0, 1, 2, 3, 1]
    assert math.isnan(encode_class(MULTICLASS, None))
    assert math.isnan(encode_class(MULTICLASS, [0.5, 0.5]))
    assert math.isnan(encode_class(MULTICLASS, [0.5, None, 0.5])), "as a Parquet file may hold it"
    assert math.isnan(encode_class(BINARY, "late"))


@pytest.mark.parametrize(
    ("definition", "label", "expected"),
    [
        (BINARY, "late", 1.0),
        (BINARY, "on time", 0.0),
        (UNNAMED, 1, 1.0),
        (UNNAMED, 0.0, 0.0),
        (UNNAMED, "True", 1.0),
        (Definition(model="m", task="binary", positive="1"), 1.0, 1.0),
        (MULTICLASS, "fish", 3.0),
        (REGRESSION, 2.5, 2.5),
        (REGRESSION, True, 1.0),
    ],
)
def test_labels(definition: Definition, label: object, expected: float) -> None:
    assert encode_label(definition, label) == expected


@pytest.mark.parametrize(("definition", "label"), [(UNNAMED, "late"), (UNNAMED, 2), (REGRESSION, "2"), (BINARY, None)])
def test_labels_the_task_cannot_read(definition: Definition, label: object) -> None:
    assert math.isnan(encode_label(definition, label))


def test_numbers_beyond_single_precision_are_infinite() -> None:
    assert (as_float32(-1e300), as_float32(3e38)) == (-math.inf, float(np.float32(3e38)))
    assert math.isnan(as_float32(math.nan))


def test_hashes_name_model_and_id() -> None:
    one, other = hash_ids("m", ["a", "b"]), hash_ids("n", ["a", "b"])
    assert len({*one.tolist(), *other.tolist()}) == 4
    assert one[0] == xxhash.xxh3_64_intdigest(b"m\x00a")
    assert hash_ids("m", ["\ud800"]).size == 1
    assert hash_ids("m", []).dtype == np.uint64
