"""The same load as a service would send it: through the Recorder, with everything the Recorder does."""

import time
from collections.abc import Mapping

import orjson

from load.generate.blast import Sent
from load.generate.encode import PREDICTION, Encoded
from load.generate.producer import Progress
from tidegauge import Recorder

CHUNK = 1_000


class Service:
    """One Recorder for each model and version, sharing a connection.

    Parameters
    ----------
    kafka
        librdkafka's settings.
    prefix
        Put before the names of the topics.
    """

    def __init__(self, kafka: Mapping[str, str], prefix: str) -> None:
        self._first = Recorder(dict(kafka), model="load", prefix=prefix, queue_size=1_000_000)
        self._by_model: dict[tuple[str, str], Recorder] = {}

    def run(self, encoded: Encoded, progress: Progress = lambda _: None) -> Sent:
        """Log every prediction and label, then flush."""
        start, messages = time.perf_counter(), encoded.messages
        for first in range(0, len(messages), CHUNK):
            chunk = messages[first : first + CHUNK]
            for _, kind, _, value, _ in chunk:
                self._log(orjson.loads(value), prediction=kind == PREDICTION)
            progress(len(chunk))
        self._first.flush(60.0)
        stats = self._first.stats
        lost = len(messages) - stats.delivered
        return Sent(len(messages), lost, time.perf_counter() - start)

    def close(self) -> None:
        """Flush and let go."""
        self._first.close()

    def _log(self, event: dict[str, object], *, prediction: bool) -> None:
        recorder = self._recorder(str(event["model"]), str(event.get("version", "")))
        if not prediction:
            recorder.label(event["prediction_id"], event["label"], timestamp_ms=event["timestamp_ms"])
            return
        fields = ("prediction_id", "features", "prediction", "latency_ms", "segments", "timestamp_ms", "error")
        recorder.log(**{name: event[name] for name in fields if name in event})

    def _recorder(self, model: str, version: str) -> Recorder:
        key = (model, version)
        if key not in self._by_model:
            self._by_model[key] = self._first.for_model(model, version)
        return self._by_model[key]
