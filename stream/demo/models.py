"""The two models, trained on January: `planner` from schedule and weather, `gate` also from the departure delay."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from stream.demo.flights import GATE_FEATURES, PLANNER_FEATURES, Flights

FEATURES = {"planner": PLANNER_FEATURES, "gate": GATE_FEATURES}
CATEGORICAL = ("carrier", "origin", "weekday")


@dataclass(frozen=True)
class Model:
    """A trained pipeline and the columns it reads."""

    name: str
    features: tuple[str, ...]
    pipeline: Pipeline

    def scores(self, frame: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Return P(late) of every row."""
        return np.asarray(self.pipeline.predict_proba(frame[list(self.features)])[:, 1], dtype=np.float64)

    def scorer(self, frame: pd.DataFrame) -> Callable[[int], float]:
        """Return a function that scores one row, as a service does; the features of all rows are encoded once."""
        encoded = np.asarray(self.pipeline[:-1].transform(frame[list(self.features)]), dtype=np.float32)
        weights = self.pipeline[-1].coef_[0].astype(np.float32)
        bias = float(self.pipeline[-1].intercept_[0])

        def score(row: int) -> float:
            return 1.0 / (1.0 + math.exp(-(float(encoded[row] @ weights) + bias)))

        return score


def train(name: str, flights: Flights, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> Model:
    """Fit a logistic regression on the labelled rows of `rows`."""
    features = FEATURES[name]
    labelled = rows & ~np.isnan(flights.late)
    pipeline = _pipeline(features)
    pipeline.fit(flights.frame.loc[labelled, list(features)], flights.late[labelled])
    return Model(name, tuple(features), pipeline)


def _pipeline(features: Sequence[str]) -> Pipeline:
    numeric = [name for name in features if name not in CATEGORICAL]
    categorical = [name for name in features if name in CATEGORICAL]
    columns = ColumnTransformer(
        [
            ("numeric", make_pipeline(SimpleImputer(), StandardScaler()), numeric),
            ("categorical", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categorical),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500))
