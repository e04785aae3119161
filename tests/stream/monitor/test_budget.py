"""The allowed false episodes are divided, and never exceeded."""

import pytest

from stream.model.compiled import CompiledModel
from stream.monitor.budget import Budget
from stream.monitor.rules import Rules
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world

SEGMENTS, WINDOWS = 4, 2
KINDS = {"page": ["performance"], "warn": ["score", "calibration", "coverage", "traffic"], "info": ["features"]}
RATES = {"page": 1 / 90, "warn": 1 / 30, "info": 1 / 7}


@pytest.fixture(scope="module")
def compiled_default() -> CompiledModel:
    return world.compiled_model()


@pytest.mark.parametrize("severity", KINDS)
def test_the_parts_add_up_to_the_budget(compiled_default: CompiledModel, severity: str) -> None:
    budget, day = Budget(Rules(compiled_default), SEGMENTS, WINDOWS), WindowScheme("1d")
    shares = [budget.allowance(kind, day) for kind in KINDS[severity]]
    tests = sum(share.alpha for share in shares) * SEGMENTS * WINDOWS
    sums = sum(1 / share.run_blocks for share in shares) * SEGMENTS * WINDOWS
    assert tests + sums == pytest.approx(RATES[severity])


def test_windows_that_hop_pay_for_their_hops(compiled_default: CompiledModel) -> None:
    budget = Budget(Rules(compiled_default), SEGMENTS, WINDOWS)
    day, hours = (budget.allowance("features", WindowScheme(length)) for length in ("1d", "6h"))
    assert day.alpha / hours.alpha == pytest.approx(4 * 4.5)
    assert hours.run_blocks == pytest.approx(4 * day.run_blocks)
