"""Text in CSV files, which have no types, becomes what the same values become live."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from stream.parts.encoding import category_text
from stream.parts.outcome import OutcomePart
from stream.parts.part import load_part
from stream.reference.build import BuiltReference, build_reference
from stream.reference.csv_text import spelling
from stream.reference.read import read_reference
from stream.reference.table import ReferenceFileError, ReferenceTable
from tidegauge.definition import Definition
from tidegauge.recorder import values

CODES = Definition(model="m", task="multiclass", classes=["01", "02", "10"])
PADDED = Definition(model="m", task="binary", positive="01")


def read(folder: Path, definition: Definition, columns: str, *rows: str) -> ReferenceTable:
    path = folder / "file.csv"
    dated = [f"2026-03-01T00:00:{second:02d}Z,{row}" for second, row in enumerate(rows)]
    path.write_text("\n".join([f"timestamp,{columns}", *dated, ""]))
    return read_reference(path, definition)


def outcomes(built: BuiltReference) -> dict[str, float]:
    bodies = [profile.body for profile in built.reference.profiles if profile.part == "outcome"]
    whole = load_part("outcome", bodies[0])
    assert isinstance(whole, OutcomePart)
    for body in bodies[1:]:
        whole.merge(load_part("outcome", body))
    return dict(whole.outcomes.result())


def test_categories_are_spelt_as_live_ones(tmp_path: Path) -> None:
    definition = Definition(model="m", features=dict.fromkeys(("flag", "store", "flight", "os"), "categorical"))
    rows = ("1,True,3.0,007,10.0", "1,False,,012,10.4", "1,,1.0,012,11.0")
    table = read(tmp_path, definition, "prediction,flag,store,flight,os", *rows)
    live = {
        "flag": [True, False, None],
        "store": [3.0, None, 1.0],
        "flight": ["007", "012", "012"],
        "os": ["10.0", "10.4", "11.0"],
    }
    assert table.features == {name: list(map(category_text, values)) for name, values in live.items()}
    assert [note.split(":")[0] for note in table.notes] == ["column flag", "column store"]
    assert "3.0 is read as 3" in table.notes[1]


@pytest.mark.parametrize(
    ("texts", "live"),
    [
        (["TRUE", "FALSE"], ["true", "false"]),
        (["True", "maybe"], ["True", "maybe"]),
        (["-2.0", "7"], ["-2", "7"]),
        (["1.5", "2.0"], ["1.5", "2.0"]),
        (["1.0", "n"], ["1.0", "n"]),
        ([], []),
    ],
)
def test_a_column_is_respelt_as_a_whole(texts: list[str], live: list[str]) -> None:
    assert spelling(texts) == dict(zip(texts, live, strict=True))


def test_what_the_definition_knows_stays_as_it_is() -> None:
    assert spelling(["True", "False"], ["True"]) == {"True": "True", "False": "False"}
    assert spelling(["1.0", "2.0"], ["1", "2"]) == {"1.0": "1", "2.0": "2"}


def test_classes_with_leading_zeros_are_met(tmp_path: Path) -> None:
    table = read(tmp_path, CODES, "prediction,label", *["01,01", "02,02", "10,10", "10,01"] * 10)
    assert table.labels is not None
    assert table.labels[:2] == table.predictions[:2] == ["01", "02"]
    built = build_reference(CODES, table, held_out=True)
    assert built.notes == ()
    assert outcomes(built)["accuracy"] == pytest.approx(0.75)


def test_whole_numbers_with_gaps_meet_their_classes(tmp_path: Path) -> None:
    definition = msgspec.structs.replace(CODES, classes=["1", "2"])
    table = read(tmp_path, definition, "prediction,label", " 1,1.0", "2,", "2,2.0")
    assert (table.predictions, table.labels) == (["1", "2", "2"], ["1", None, "2"])


def test_a_positive_label_with_leading_zeros_is_met(tmp_path: Path) -> None:
    table = read(tmp_path, PADDED, "prediction,label", *["0.75,01", "0.25,00"] * 10)
    assert table.predictions[:2] == [0.75, 0.25], "probabilities stay numbers"
    built = build_reference(PADDED, table, held_out=True)
    assert outcomes(built)["prevalence"] == pytest.approx(0.5)
    assert read(tmp_path, PADDED, "prediction", "0.0", "1.0").notes == ()
    assert read(tmp_path, PADDED, "prediction", "01", "02").predictions == ["01", "02"]


@pytest.mark.parametrize("positive", ["late", "1", "01"])
def test_one_text_among_probabilities_does_not_make_classes_of_them(tmp_path: Path, positive: str) -> None:
    definition = Definition(model="m", task="binary", positive=positive)
    table = read(tmp_path, definition, "prediction", "0.75", "timeout", "1", "0.25")
    assert table.predictions == [0.75, None, 1.0, 0.25]
    assert table.notes == ("column prediction: 1 values such as timeout are no numbers, and missing",)
    assert build_reference(definition, table, held_out=True).notes == table.notes


def test_classes_of_which_none_is_the_positive_one_are_noted(tmp_path: Path) -> None:
    definition = Definition(model="m", task="binary", positive="late")
    table = read(tmp_path, definition, "prediction", "on time", "cancelled")
    assert build_reference(definition, table, held_out=True).notes == (
        "no prediction is late, the positive one: texts such as on time count as 0",
    )
    table = read(tmp_path, definition, "prediction", "on time", "late")
    assert (table.predictions, build_reference(definition, table, held_out=True).notes) == (["on time", "late"], ())


def test_labels_that_the_definition_does_not_know_are_noted(tmp_path: Path) -> None:
    table = read(tmp_path, CODES, "prediction,label", *["01,01", "02,03", "4,03"])
    notes = build_reference(CODES, table, held_out=True).notes
    assert notes == (
        "2 labels, such as 03, are not among `classes`",
        "1 predictions, such as 4, are not among `classes`",
    )
    table = read(tmp_path, PADDED, "prediction,label", *["0.75,1", "0.25,0"])
    notes = build_reference(PADDED, table, held_out=True).notes
    assert notes == ("no label is 01, the positive one: there are 1, 0",)


def test_a_segment_stays_as_it_is_where_the_feature_of_its_name_does_not(tmp_path: Path) -> None:
    definition = Definition(model="m", features={"site": "categorical"}, segments=["site"])
    table = read(tmp_path, definition, "prediction,site", "1,1.0", "1,2.0")
    assert (table.segments["site"], table.features["site"]) == (["1.0", "2.0"], ["1", "2"])


def test_truth_values_are_segments_as_the_recorder_writes_them(tmp_path: Path) -> None:
    definition = Definition(model="m", segments=["vip", "site"], features={"vip": "categorical"})
    table = read(tmp_path, definition, "prediction,vip,site", "1,True,True", "1,,x", "1,False,x")
    live = values.segments({"vip": True}) | values.segments({"no": False})
    assert table.segments["vip"] == [live["vip"], None, live["no"]]
    assert table.segments["site"] == ["True", "x", "x"]
    assert table.notes == ("column vip: True is read as true, False is read as false, as it comes live",)


def test_numbers_among_text_are_read_and_the_text_is_named(tmp_path: Path) -> None:
    definition = Definition(model="m", features={"x": "numeric"})
    table = read(tmp_path, definition, "prediction,x", "1,2.5", "1,unknown", "1,", "1,unknown", "1,-1")
    np.testing.assert_array_equal(table.features["x"], [2.5, np.nan, np.nan, np.nan, -1])
    assert table.notes == ("column x: 2 values such as unknown are no numbers, and missing",)
    with pytest.raises(ReferenceFileError, match="'x' holds text such as 'unknown', but the feature is numeric"):
        read(tmp_path, definition, "prediction,x", "1,unknown", "1,")
