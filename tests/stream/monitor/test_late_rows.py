"""Late rows are found by their window as a look through all of them would find them."""

from hypothesis import given
from hypothesis import strategies as st

from stream.monitor.late_rows import LateRows
from stream.monitor.streams import Stream
from stream.parts.keys import PartKey
from tidegauge.alerts import Window

MINUTE_MS = 60_000

KEYS = st.builds(
    lambda model, segment, part, start, panes, age: PartKey(
        model, "1", segment, part, start * MINUTE_MS, (start + panes) * MINUTE_MS, False, age, "x"
    ),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "s=1"]),
    st.sampled_from(["inputs", "outcome"]),
    st.integers(0, 20),
    st.integers(1, 6),
    st.sampled_from([0, 3_600_000]),
)
ROWS = st.lists(st.tuples(KEYS, st.integers(0, 2)), max_size=40)


def held(rows: list[tuple[PartKey, int]]) -> tuple[LateRows, dict[PartKey, set[int]]]:
    late, naive = LateRows(), {}
    for key, shard in rows:
        late.put(key, key.profile(b"", shard=shard))
        naive.setdefault(key, set()).add(shard)
    return late, naive


@given(ROWS, st.integers(0, 20), st.integers(1, 9))
def test_a_window_finds_the_panes_inside(rows: list[tuple[PartKey, int]], start: int, panes: int) -> None:
    late, naive = held(rows)
    window = Window(length="x", start_ms=start * MINUTE_MS, end_ms=(start + panes) * MINUTE_MS)
    found = {
        model: {stream: list(late.inside(stream, window)) for stream in late.streams(model)} for model in ("a", "b")
    }
    for key in naive:
        stream = Stream(key.model, key.version, key.segment)
        inside = key.pane_start_ms >= window.start_ms and key.pane_end_ms <= window.end_ms
        assert found[key.model][stream].count(key) == inside
        assert late.get(key).keys() == naive[key]


@given(ROWS, st.integers(0, 26))
def test_what_ended_before_is_dropped_and_nothing_else(rows: list[tuple[PartKey, int]], end: int) -> None:
    late, naive = held(rows)
    gone = {key: shards.keys() for key, shards in late.drop_before("a", end * MINUTE_MS)}
    expected = {key for key in naive if key.model == "a" and key.pane_end_ms <= end * MINUTE_MS}
    assert gone == {key: naive[key] for key in expected}
    everything = Window(length="x", start_ms=0, end_ms=100 * MINUTE_MS)
    left = [key for model in ("a", "b") for s in late.streams(model) for key in late.inside(s, everything)]
    assert sorted(left) == sorted(naive.keys() - expected)
    assert all((key in late) == (key not in expected) for key in naive)
