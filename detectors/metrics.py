"""The metrics of performance: which way is better, for which task, and what harm is worth a look by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

MetricTask = Literal["binary", "multiclass", "regression"]


class UnknownMetricError(ValueError):
    """A metric that does not exist, or not for the task; the message names the nearest that does."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one task.

    Attributes
    ----------
    name : str
        As in ``result()`` of the task's outcomes.
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    higher_is_better : bool
        Direction of harm; for `two_sided` metrics harm is any distance from the reference.
    min_drop : float
        Default of the smallest harm worth an alert, in the metric's unit, or a share of the reference's mean where
        `relative`. Positive.
    low, high : float
        Range of its values.
    relative : bool
        Whether `min_drop` is a share: errors in dollars have no default of their own.
    two_sided : bool
        Whether a change either way is harm (calibration, bias).
    constant : str or None
        Key of ``result()`` with the constant predictor's value on the same rows.
    """

    name: str
    task: MetricTask
    higher_is_better: bool
    min_drop: float
    low: float
    high: float
    relative: bool = False
    two_sided: bool = False
    constant: str | None = None

    def harm(self, reference: float, value: float) -> float:
        """How much worse `value` is than `reference`, in the metric's unit; negative when better (one-sided)."""
        worse = reference - value if self.higher_is_better else value - reference
        return abs(worse) if self.two_sided else worse

    def least_harm(self, reference: float, drop: float | None = None) -> float:
        """Smallest harm worth an alert, in the metric's unit: `drop` if declared, else the default."""
        if drop is not None:
            return drop
        return self.min_drop * abs(reference) if self.relative else self.min_drop


_INF: Final = float("inf")
_METRICS: Final = (
    Metric("log_loss", "binary", higher_is_better=False, min_drop=0.05, low=0, high=_INF, constant="constant_log_loss"),
    Metric("brier", "binary", higher_is_better=False, min_drop=0.02, low=0, high=1, constant="constant_brier"),
    Metric("calibration", "binary", higher_is_better=False, min_drop=0.02, low=-1, high=1, two_sided=True),
    Metric("roc_auc", "binary", higher_is_better=True, min_drop=0.03, low=0, high=1),
    Metric("accuracy", "binary", higher_is_better=True, min_drop=0.03, low=0, high=1, constant="constant_accuracy"),
    Metric("precision", "binary", higher_is_better=True, min_drop=0.05, low=0, high=1),
    Metric("recall", "binary", higher_is_better=True, min_drop=0.05, low=0, high=1),
    Metric("f1", "binary", higher_is_better=True, min_drop=0.05, low=0, high=1),
    Metric("ece", "binary", higher_is_better=False, min_drop=0.02, low=0, high=1),
    Metric("accuracy", "multiclass", higher_is_better=True, min_drop=0.03, low=0, high=1, constant="constant_accuracy"),
    Metric("macro_f1", "multiclass", higher_is_better=True, min_drop=0.05, low=0, high=1),
    Metric(
        "rmse", "regression", higher_is_better=False, min_drop=0.1, low=0, high=_INF, relative=True,
        constant="constant_rmse",
    ),
    Metric("mae", "regression", higher_is_better=False, min_drop=0.1, low=0, high=_INF, relative=True),
    Metric(
        "bias", "regression", higher_is_better=False, min_drop=0.1, low=-_INF, high=_INF, relative=True, two_sided=True
    ),
    Metric("r2", "regression", higher_is_better=True, min_drop=0.05, low=-_INF, high=1),
)  # fmt: skip

METRICS: Final[Mapping[tuple[str, str], Metric]] = MappingProxyType({(m.task, m.name): m for m in _METRICS})
"""Every metric by (task, name); the first of a task is its default."""


def metric_names(task: str) -> tuple[str, ...]:
    """Names of the metrics of `task`, its default first; empty for a task without labels (``score``)."""
    return tuple(name for of, name in METRICS if of == task)


def metric_for(name: str, task: str) -> Metric:
    """Find the metric `name` of `task`; ``auto`` is the task's default.

    Raises
    ------
    UnknownMetricError
        With the nearest valid name, and all of them.

    Examples
    --------
    >>> metric_for("auto", "binary").name
    'log_loss'
    >>> metric_for("logloss", "binary")
    Traceback (most recent call last):
    detectors.metrics.UnknownMetricError: unknown metric 'logloss' for task binary; did you mean 'log_loss'? ...
    """
    names = metric_names(task)
    if not names:
        raise UnknownMetricError(f"task {task} has no metrics: nothing says which label would be right")
    found = METRICS.get((task, names[0] if name == "auto" else name))
    if found is not None:
        return found
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    raise UnknownMetricError(f"unknown metric {name!r} for task {task}{hint} one of {', '.join(names)}")
