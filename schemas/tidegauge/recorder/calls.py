"""`with recorder.observe(...) as call`: times the call and records how it ended."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from tidegauge.errors import EventError
from tidegauge.recorder import values

MAX_ERROR = 200
_log = logging.getLogger("tidegauge")

Value = TypeVar("Value")


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
        self.error = _described(self.error, error)
        self.prediction = self.probabilities = None  # half a prediction is none
        self._publish_failed()

    def _publish_failed(self) -> None:
        """Publish what may be published: nothing that the block had set may hide the exception that leaves it."""
        try:
            self._publish(self)
        except Exception:  # noqa: BLE001 a mapping that is none, say
            self.segments = _good(self.segments, values.segments)
            self.signals = _good(self.signals, values.signals)
            self.latency_ms = _good({"latency_ms": self.latency_ms}, values.signals).get("latency_ms")
            try:
                self._publish(self)
            except Exception:  # noqa: BLE001
                _log.warning("a call that failed could not be recorded", exc_info=True)


def _described(given: object, error: BaseException) -> str:
    try:
        text = str(given or f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001 of an exception's own making
        text = type(error).__name__
    return text[:MAX_ERROR].encode(errors="replace").decode()  # names of files may hold what is no Unicode


def _good(members: Any, read: Callable[[Mapping[str, Any]], dict[str, Value]]) -> dict[str, Value]:
    """Read those members that are valid, each by itself."""
    good: dict[str, Value] = {}
    for name, value in members.items() if isinstance(members, Mapping) else ():
        with suppress(EventError, UnicodeEncodeError):
            found = read({name: value})
            "".join(map(str, (*found, *found.values()))).encode()
            good |= found
    return good
