import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import pytest

from stream.model.compile import compile_model
from stream.model.compiled import SCORE
from stream.model.problems import DefinitionError
from stream.parts.inputs import InputsPart
from stream.parts.part import load_part
from stream.reference import build
from stream.reference.build import BuiltReference, build_reference
from stream.reference.read import read_reference
from stream.reference.segments import OTHER_VALUE
from stream.reference.table import NO_TIME, ReferenceFileError, ReferenceTable
from tidegauge.definition import CategoricalGrid, Definition, NumericGrid

PLANNER = Definition(model="planner", task="binary", positive="late", timezone="America/New_York", segments=["origin"])
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = int(dt.datetime(2013, 2, 1, 5, tzinfo=dt.UTC).timestamp() * 1000)  # midnight in New York
DAYS, PER_DAY = 5, 40


def table(**changes: object) -> ReferenceTable:
    rng = np.random.default_rng(3)
    count = DAYS * PER_DAY
    times = START_MS + np.arange(count, dtype=np.int64) * (DAY_MS // PER_DAY)
    values: dict[str, object] = {
        "source": "february.parquet",
        "timestamps_ms": times,
        "ids": [f"f{i}" for i in range(count)],
        "predictions": rng.random(count).tolist(),
        "labels": rng.choice(["late", "on time"], count).tolist(),
        "label_timestamps_ms": times + 2 * HOUR_MS,
        "latency_ms": rng.lognormal(1, 1, count),
        "segments": {"origin": rng.choice(["JFK", "EWR"], count).tolist()},
        "features": {"temp": rng.normal(size=count), "carrier": rng.choice(["AA", "UA"], count).tolist()},
    }
    return ReferenceTable(**{**values, **changes})


def parts(built: BuiltReference, part: str, segment: str = "") -> list:
    profiles = [p for p in built.reference.profiles if p.part == part and p.segment == segment]
    return [load_part(part, p.body) for p in profiles]


def test_types_grids_and_days_come_from_the_file() -> None:
    built = build_reference(PLANNER, table(), held_out=True)
    assert built.definition.features == {"temp": "numeric", "carrier": "categorical"}
    assert isinstance(built.grids["temp"], NumericGrid)
    assert isinstance(built.grids["carrier"], CategoricalGrid)
    assert isinstance(built.grids[SCORE], NumericGrid)
    reference = built.reference
    assert (reference.start_ms, reference.end_ms) == (START_MS, START_MS + DAYS * DAY_MS)
    assert [part.rows for part in parts(built, "inputs")] == [PER_DAY] * DAYS
    assert [part.rows for part in parts(built, "service")] == [PER_DAY] * DAYS
    assert [part.labelled for part in parts(built, "outcome")] == [PER_DAY] * DAYS
    assert {p.age_ms for p in reference.profiles if p.part == "outcome"} == {6 * HOUR_MS}
    assert {p.segment for p in reference.profiles} == {"", "origin=JFK", "origin=EWR"}


def test_the_rows_of_segments_add_up_to_all_rows() -> None:
    built = build_reference(PLANNER, table(), held_out=True)
    whole, jfk, ewr = (parts(built, "inputs", segment) for segment in ("", "origin=JFK", "origin=EWR"))
    for all_rows, one, other in zip(whole, jfk, ewr, strict=True):
        one.merge(other)
        assert isinstance(all_rows, InputsPart)
        np.testing.assert_array_equal(one.cells.counts, all_rows.cells.counts)
        assert one.score.snapshot() == all_rows.score.snapshot()


def test_profiles_fit_the_compiled_definition() -> None:
    built = build_reference(PLANNER, table(), held_out=True)
    compiled = compile_model(built.definition, built.grids)
    assert not compiled.learning
    assert {(p.part, p.layout) for p in built.reference.profiles} == {
        (part, compiled.layouts[part]) for part in ("inputs", "service", "outcome")
    }


def test_in_sample_data_give_no_performance_baseline() -> None:
    built = build_reference(PLANNER, table(), held_out=False)
    assert not built.reference.held_out
    assert parts(built, "outcome") == []
    assert len(parts(built, "inputs")) == DAYS


def test_chunks_leave_the_counts_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build_reference(PLANNER, table(), held_out=True)
    monkeypatch.setattr(build, "_CHUNK_ROWS", 7)
    chunked = build_reference(PLANNER, table(), held_out=True)
    for one, other in zip(whole.reference.profiles, chunked.reference.profiles, strict=True):
        if one.part != "inputs":  # whose float moments may differ in the last bits
            assert one == other
    for one, other in zip(parts(whole, "inputs"), parts(chunked, "inputs"), strict=True):
        assert one.cells.snapshot() == other.cells.snapshot()


def test_equal_files_give_equal_references() -> None:
    one, other = (build_reference(PLANNER, table(), held_out=True) for _ in range(2))
    assert one.reference.id == other.reference.id
    moved = build_reference(PLANNER, table(latency_ms=None), held_out=True)
    assert moved.reference.id != one.reference.id


def test_labels_count_at_the_age_at_which_they_came() -> None:
    ages = np.array(
        [0, HOUR_MS, HOUR_MS + 1, 2 * DAY_MS, 2 * DAY_MS + 1, -5_000, -10_001, NO_TIME] * 25, dtype=np.int64
    )
    base = table()
    times = np.where(ages == NO_TIME, NO_TIME, base.timestamps_ms + ages)
    built = build_reference(PLANNER, table(label_timestamps_ms=times), held_out=True)
    labelled: dict[int, int] = {}
    for profile in built.reference.profiles:
        if profile.part == "outcome" and profile.segment == "":
            count = load_part("outcome", profile.body).labelled
            labelled[profile.age_ms] = labelled.get(profile.age_ms, 0) + count
    assert labelled == {HOUR_MS: 75, 6 * HOUR_MS: 25, 2 * DAY_MS: 50}
    assert built.notes == (
        "25 labels left out: they came before their predictions",
        "25 labels left out: they came after the label horizon",
    )


def test_without_label_times_labels_count_at_the_horizon() -> None:
    built = build_reference(PLANNER, table(label_timestamps_ms=None), held_out=True)
    assert {p.age_ms for p in built.reference.profiles if p.part == "outcome"} == {2 * DAY_MS}


def test_labels_nobody_can_read_are_said() -> None:
    definition = msgspec.structs.replace(PLANNER, positive=None)
    with pytest.raises(ReferenceFileError, match="say which is positive"):
        build_reference(definition, table(), held_out=True)


def test_predictions_nobody_can_read_are_said() -> None:
    with pytest.raises(ReferenceFileError, match="task regression can read"):
        build_reference(Definition(model="m", task="regression"), table(predictions=["a"] * 200), held_out=True)


def test_repeated_ids_count_once_and_rare_segments_are_united() -> None:
    base = table()
    ids = ["same"] * 10 + base.ids[10:]
    origins = [f"o{i}" if i % 2 else "JFK" for i in range(200)]
    built = build_reference(PLANNER, table(ids=ids, segments={"origin": origins}), held_out=True)
    assert sum(part.rows for part in parts(built, "inputs")) == 191
    segments = {p.segment for p in built.reference.profiles}
    assert len(segments) == 1 + 64 + 1
    assert f"origin={OTHER_VALUE}" in segments
    assert any("9 rows left out" in note for note in built.notes)
    assert any("all but 64" in note for note in built.notes)


def test_an_id_counts_again_once_the_label_horizon_is_over() -> None:
    base = table()
    ids = [f"customer-{row % PER_DAY}" for row in range(len(base.ids))]  # each at its hour of every day, for five days
    built = build_reference(PLANNER, table(ids=ids), held_out=True)
    assert [part.rows for part in parts(built, "inputs")] == [PER_DAY, PER_DAY], "after 2 d: a repeat yet"
    assert [part.labelled for part in parts(built, "outcome")] == [PER_DAY, PER_DAY]
    assert built.notes == ("120 rows left out: their prediction_id came before, within the label horizon",)
    definition = msgspec.structs.replace(PLANNER, label_horizon="12h")
    assert build_reference(definition, table(ids=ids), held_out=True).notes == ()


def test_too_many_profiles_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MAX_REFERENCE_PROFILES", 10)
    with pytest.raises(ReferenceFileError, match="choose longer windows"):
        build_reference(PLANNER, table(), held_out=True)


def test_a_wrong_definition_is_refused_before_counting() -> None:
    with pytest.raises(DefinitionError, match="threshold"):
        build_reference(msgspec.structs.replace(PLANNER, threshold=7.0), table(), held_out=True)


def test_from_a_csv_file_to_a_reference(tmp_path: Path) -> None:
    path = tmp_path / "february.csv"
    lines = ["timestamp,prediction,label,origin,temp,carrier"]
    lines += [
        f"2013-02-{day:02}T12:{i:02}:00Z,0.{i:02},{'late' if i % 2 else 'ok'},JFK,{i}.5,AA"
        for day in (1, 2)
        for i in range(60)
    ]
    path.write_text("\n".join(lines))
    built = build_reference(PLANNER, read_reference(path, PLANNER), held_out=True)
    first, second = parts(built, "outcome")
    assert first.snapshot() == second.snapshot()
    assert first.outcomes.result()["prevalence"] == 0.5
    assert built.reference.source == "february.csv"


def test_a_file_of_classes_alone_needs_no_features(tmp_path: Path) -> None:
    path = tmp_path / "healthy.csv"
    rows = [f"{START_MS + i * HOUR_MS},{'cat' if i % 3 else 'dog'},cat" for i in range(24 * 15)]
    path.write_text("\n".join(["timestamp,prediction,label", *rows]))
    definition = Definition(model="m", task="multiclass", classes=["cat", "dog"])
    built = build_reference(definition, read_reference(path, definition), held_out=True)
    compiled = compile_model(built.definition, built.grids)
    assert not compiled.learning
    assert {profile.part for profile in built.reference.profiles} >= {"inputs", "outcome"}
