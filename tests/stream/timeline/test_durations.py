import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.timeline.durations import DAY_MS, format_duration, parse_duration, parse_rate, parse_ratio


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("100ms", 100), ("10s", 10_000), ("5m", 300_000), ("1.5h", 5_400_000), ("2d", 172_800_000), ("1w", 7 * DAY_MS)],
)
def test_durations_as_people_write_them(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("1.1h", 3_960_000), ("2.2h", 7_920_000), ("0.7d", 60_480_000), ("2.01s", 2_010)]
)
def test_fractions_are_exact(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1y", "1h30m", "0.5ms", "1e3s", None, 5])
def test_what_is_no_duration_is_named(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|whole number"):
        parse_duration(text)  # type: ignore[arg-type]  # a YAML file may hold anything


@pytest.mark.parametrize("text", ["365001d", "200000000000000d", "9" * 400 + "w"])
def test_a_duration_that_no_instant_could_be_moved_by_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too long a duration: at most 365000d"):
        parse_duration(text)
    assert parse_duration("365000d") < 1 << 62


@given(st.integers(min_value=0, max_value=10**13))
def test_format_is_read_back_exactly(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds)) == milliseconds


def test_format_prefers_the_largest_unit_up_to_days() -> None:
    assert [format_duration(ms) for ms in (0, 1, 90_000, 7_200_000, 7 * DAY_MS)] == ["0s", "1ms", "90s", "2h", "7d"]


def test_rates_are_episodes_per_day() -> None:
    assert parse_rate("1/90d") == pytest.approx(1 / 90)
    assert parse_rate("2/12h") == pytest.approx(4.0)


@pytest.mark.parametrize("text", ["1", "1/", "/7d", "x/7d", "1/0d", "0/7d", "-1/7d", "nan/7d", None])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="rate"):
        parse_rate(text)  # type: ignore[arg-type]  # a YAML file may hold anything


def test_ratios() -> None:
    assert parse_ratio("1%") == pytest.approx(0.01)
    assert parse_ratio(0.01) == parse_ratio("0.01") == pytest.approx(0.01)


@pytest.mark.parametrize("value", ["x", "101%", -0.1, "", "nan"])
def test_what_is_no_share_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match="share"):
        parse_ratio(value)
