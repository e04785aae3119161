"""The curves' harness, with tiny counts: two points of each, and no figure is judged."""

from pathlib import Path

import pytest

from load.curves.bench import Bench
from load.curves.chart import draw
from load.curves.curve import write
from load.curves.registry import CURVES
from load.servers import Servers

pytestmark = pytest.mark.integration
SCALE = 0.01
SHORT = ("segments", "workers", "outstanding", "starts")
"""The others take minutes whatever the scale: for a thousand definitions, five hundred features, or the clock."""


@pytest.mark.parametrize("name", SHORT)
def test_a_curve_has_all_its_points(name: str, bootstrap: str, real_redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    curve = CURVES[name](Bench(Servers(bootstrap, real_redis_url), folder, scale=SCALE))
    assert len(curve.rows) >= 2
    assert all(list(row) == curve.columns for row in curve.rows)
    figures = [value for row in curve.rows for value in row.values() if not isinstance(value, str)]
    assert all(value == value and value >= 0 for value in figures)  # noqa: PLR0124 - NaN
    assert not curve.problems
    write(tmp_path / f"{name}.json", curve, "a machine")
    if curve.panels:
        draw(tmp_path / f"{name}.png", curve, "a machine")
