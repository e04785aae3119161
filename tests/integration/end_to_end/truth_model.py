"""What the truth about the lender's model is made of, and the rules that every part of it shares."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from integration.end_to_end.scenario import RUNGS_MS

SEGMENTS = ("", "region=north", "region=south")
FEATURES = ("age", "channel", "debt", "income")
ROWS_MIN, LABELLED_MIN = 200, 100
INPUTS, SERVICE, LATE, OUTCOME = range(4)
TEST_BINS, EFFECT_BINS = 20, 10
MIN_EFFECT, UNSEEN = 0.1, 0.01

# What may be spent a day: each severity's episodes divided equally among its kinds, three segments (all rows is one),
# one window length, and the two detectors that stand side by side.
PER_DAY = {
    "features": 1 / 7 / (2 * 1 * 3),
    **dict.fromkeys(("score", "calibration", "coverage", "traffic"), 1 / 30 / (2 * 4 * 3)),
    "performance": 1 / 90 / (2 * 1 * 3),
}
OUTCOMES = {  # metric: (kind, harmful side, both sides?, least harm)
    "log_loss": ("performance", 1, False, 0.05),
    "calibration": ("calibration", 1, True, 0.03),
    "coverage": ("coverage", -1, False, 0.05),
}
Limits = Mapping[tuple[str, str], float]
"""Limit of the sequential detector of (segment, subject), as the reports state it."""


HORIZON_MS = RUNGS_MS[-1]


@dataclass
class Day:
    """One watched day of one segment; `whole`: it was seen from its beginning."""

    index: int
    start_ms: int
    end_ms: int
    whole: bool
    on_time: pd.DataFrame
    all_rows: pd.DataFrame

    @property
    def span(self) -> dict[str, int]:
        """Its ends."""
        return {"start_ms": self.start_ms, "end_ms": self.end_ms}

    def state(self, n: int, least: int) -> str:
        """Return whether the day can be judged on so many rows."""
        return "ok" if self.whole and n >= least else "insufficient"


@dataclass
class Drift:
    """One subject of one day, as a report must show it."""

    subject: str
    state: str
    n: int
    statistic: float
    critical: float
    p_value: float
    z: float
    sums: list[float]
    effects: dict[str, float]
    missing_ratio: float
    unseen_ratio: float


@dataclass
class Metric:
    """One judged metric of one day at one label age, as a report must show it."""

    metric: str
    state: str
    value: float
    lower: float | None
    upper: float | None
    z: float | None
    cusum: float | None
