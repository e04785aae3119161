"""`with recorder.observe(...) as call`: times the call and records how it ended."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tidegauge.errors import EventError

MAX_ERROR = 200


class Call:
    """One prediction in the making; set `prediction` (and whatever else is known) before the block ends.

    Attributes
    ----------
    prediction_id : str
        Given or generated; labels refer to it.
    prediction, probabilities, signals, segments, latency_ms
        As `Recorder.log` takes them. `latency_ms` is measured unless the block sets it.
    error : str or None
        Set by an exception that leaves the block (it is re-raised), or by the block itself.
    """

    def __init__(
        self,
        prediction_id: str,
        publish: Callable[["Call"], None],
        timer: Callable[[], float],
        segments: dict[str, Any],
        signals: dict[str, Any],
    ) -> None:
        self.prediction_id = prediction_id
        self.prediction: Any = None
        self.probabilities: Any = None
        self.segments = segments
        self.signals = signals
        self.latency_ms: float | None = None
        self.error: str | None = None
        self._publish = publish
        self._timer = timer
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = self._timer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.latency_ms is None:
            self.latency_ms = (self._timer() - self._started) * 1000.0
        if error is None:
            self._publish(self)
            return
        self.error = str(self.error or f"{type(error).__name__}: {error}")[:MAX_ERROR]
        self.prediction = self.probabilities = None  # half a prediction is none, and cannot hide the exception
        try:
            self._publish(self)
        except EventError:  # nor can what else the block had set by then
            self.segments, self.signals, self.latency_ms = {}, {}, None
            self._publish(self)
