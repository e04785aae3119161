"""What `apply` says a monitor can see is what the monitor goes by."""

import math

import pytest

from stream.definitions.yardstick import yardstick
from stream.monitor.budget import Allowance
from stream.monitor.memory import WindowVerdict

DAYS = [0.5 + 0.01 * (day % 7) for day in range(28)]


@pytest.mark.parametrize(("alpha", "windows"), [(0.05, 1), (0.005, 2), (1e-4, 3)])
def test_as_many_windows_are_named_as_are_needed(alpha: float, windows: int) -> None:
    found = yardstick(DAYS, None, Allowance(alpha, 400.0))
    judged = WindowVerdict(p_value=0.9 * alpha, alpha=alpha, blocks=found.blocks, large=True, clears=False)
    assert [judged.fires(streak) for streak in range(1, 4)] == [streak >= windows for streak in range(1, 4)]
    named = {1: "one window", 2: "2 windows in a row", 3: "3 windows in a row"}
    assert f"sees a change of {found.sudden:.3g} in {named[windows]}" in str(found)


@pytest.mark.parametrize("known", [0, 1])
def test_a_statistic_that_hardly_any_block_has_is_told_as_that(known: int) -> None:
    values = [*[math.nan] * (28 - known), *DAYS[:known]]
    assert str(yardstick(values, None, Allowance(0.01, 400.0))) == f"known in {known} of them, too few to alert"
