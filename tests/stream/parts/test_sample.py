import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.parts import sample as sample_module
from stream.parts.hashes import hash_ids
from stream.parts.sample import SamplePart

NAMES = ["a", "b", "c"]
ROW = st.fixed_dictionaries({}, optional={name: st.sampled_from([0.0, 1.5, -2.0]) for name in NAMES})


def add(part: SamplePart, rows: list[dict[str, float]], ids: list[str]) -> None:
    names = {name for row in rows for name in row}
    numeric = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    part.update(hash_ids("m", ids), np.arange(len(rows), dtype=np.float64) * 0, numeric, {})


@given(st.lists(ROW, min_size=1, max_size=30), st.integers(min_value=0, max_value=30))
@settings(deadline=None)
def test_rows_that_name_other_features_merge_as_if_seen_at_once(rows: list[dict[str, float]], cut: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_module, "_MAX_VALUES", 20)  # fewer rows are kept as features come up
        ids = [f"id-{i}" for i in range(len(rows))]
        whole, left, right = SamplePart(8), SamplePart(8), SamplePart(8)
        add(whole, rows, ids)
        for part, some in ((left, slice(0, cut)), (right, slice(cut, None))):
            if rows[some]:
                add(part, rows[some], ids[some])
        right.merge(left)
        assert right.snapshot() == whole.snapshot()
        assert whole.sample.values.size <= 20


@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from("uvwxyz"), min_size=1), min_size=1, max_size=30),
    st.integers(min_value=0, max_value=30),
)
def test_categories_that_come_up_late_merge_as_if_seen_at_once(rows: list[dict[str, str]], cut: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_module, "_MAX_TEXTS", 6)  # fewer categories are kept as features come up
        whole, left, right = SamplePart(8), SamplePart(8), SamplePart(8)
        add_texts(whole, rows)
        for part, some in ((left, rows[:cut]), (right, rows[cut:])):
            for row in some:
                add_texts(part, [row])
        right.merge(left)
        assert [right.categories[name].snapshot() for name in sorted(right.categories)] == [
            whole.categories[name].snapshot() for name in sorted(whole.categories)
        ]
        assert sum(len(counts.counts()) for counts in whole.categories.values()) <= 6


def add_texts(part: SamplePart, rows: list[dict[str, str]]) -> None:
    ids = [f"id-{part.rows + i}" for i in range(len(rows))]
    text = {name: [row.get(name) for row in rows] for name in {name for row in rows for name in row}}
    part.update(hash_ids("m", ids), np.zeros(len(rows)), {}, text)


@pytest.mark.parametrize("features", [24, 100, 512])
def test_names_texts_and_numbers_at_their_limits_fit_a_message(features: int) -> None:
    part = SamplePart()
    ids = [f"{i:036}" for i in range(3_000)]
    text = {
        f"text{i:03}".ljust(128, "-"): [f"{i}-{name}".ljust(62, "-") + "\u00e9" for name in ids]
        for i in range(features)
    }
    numeric = {f"number{i:03}".ljust(128, "-"): np.linspace(0, 1 / 3, 3_000) for i in range(features)}
    part.update(hash_ids("m", ids), np.zeros(3_000), numeric, text)
    assert len(part.snapshot()) < 950_000
    assert {len(counts.counts()) for counts in part.categories.values()} == {24 * 256 // features}
    assert {counts.total for counts in part.categories.values()} == {3_000}


@pytest.mark.parametrize("free", ["x" * 65, "\u00e9" * 33])
def test_free_text_is_counted_together(free: str) -> None:
    part = SamplePart()
    part.update(hash_ids("m", ["a", "b"]), np.zeros(2), {}, {"free": [free, free[:-1]]})
    assert part.categories["free"].other == 1
    assert part.categories["free"].total == 2


def test_columns_are_found_by_name() -> None:
    part = SamplePart()
    add(part, [{"b": 1.0}], ["x"])
    add(part, [{"a": 2.0, "b": 3.0}], ["y"])
    by_hash = dict(zip(part.sample.hashes.tolist(), part.column("b").tolist(), strict=True))
    assert by_hash == dict(zip(hash_ids("m", ["x", "y"]).tolist(), [1.0, 3.0], strict=True))
    assert np.isnan(part.column("a")).sum() == 1
    assert part.scores.tolist() == [0.0, 0.0]


def test_features_and_categories_are_bounded() -> None:
    part = SamplePart()
    categories = [f"c{i}" for i in range(1_000)]
    part.update(hash_ids("m", categories), np.zeros(1_000), {}, {"only": categories})
    assert len(part.categories["only"].counts()) == 256
    part = SamplePart()
    ids = ["x", "y"]
    numeric = {f"n{i:04}": np.ones(2) for i in range(600)}
    text = {f"t{i:04}": ["u", None] for i in range(600)}
    part.update(hash_ids("m", ids), np.zeros(2), numeric, text)
    assert part.names == tuple(sorted(numeric)[:512])
    assert sorted(part.categories) == sorted(text)[:512]
    assert part.rows == 2
    part.update(hash_ids("m", categories), np.zeros(1_000), {}, {"t0000": categories})
    assert len(part.categories["t0000"].counts()) == 12  # 6 144 in all
    assert part.categories["t0000"].total == 1_001
    assert len(part.snapshot()) < 900_000


@pytest.mark.parametrize("size", [128, 129, 1_000_000])
def test_a_name_that_would_fill_a_message_is_not_sampled(size: int) -> None:
    part, name = SamplePart(), "n" * size
    part.update(hash_ids("m", ["x"]), np.zeros(1), {name: np.ones(1)}, {name: ["u"]})
    assert (name in part.names, name in part.categories) == (size <= 128, size <= 128)
    assert part.rows == 1
    assert len(part.snapshot()) < 10_000
