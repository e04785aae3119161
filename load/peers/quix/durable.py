"""The job in Quix Streams with its state store (RocksDB and changelog topics), so that state survives.

State in Quix belongs to a message key, and the topics' key is the prediction's id: `group_by` sends every event once
more, keyed by model, through a topic of its own. Profiles are kept as bytes, one entry a (segment, pane), loaded and
stored at each event (its transaction keeps them in memory until the next checkpoint, every 5 s); the join has one entry
a prediction. Lacks: exactly-once (at-least-once is its default, and a crash replays into RocksDB and counts twice).
"""

import pickle
from typing import Any

from quixstreams import Application, State

from load.peers.job import PANE_MS, Job, PackedProfile
from load.peers.meter import Meter, Task


class Stored:
    """The job, with profiles and the join in Quix's state."""

    def __init__(self) -> None:
        self.job = Job()

    def take(self, event: dict[str, Any], state: State) -> None:
        """Take one event in: labels have no features."""
        if "features" in event:
            self._prediction(event, state)
        else:
            self._label(event, state)

    def _prediction(self, event: dict[str, Any], state: State) -> None:
        job = self.job
        job.predictions += 1
        key = f"{event['segments']['region']}/{event['timestamp_ms'] // PANE_MS}"
        profile, kept = PackedProfile(), state.get_bytes(key)
        if kept is not None:
            profile.state = pickle.loads(kept)
        profile.add(event)
        state.set_bytes(key, pickle.dumps(profile.state))
        job.adwin.update(event["prediction"])
        early = state.get(event["prediction_id"])
        if early is None:
            state.set(event["prediction_id"], event["prediction"])
        else:
            state.delete(event["prediction_id"])
            job.outcome(event["prediction"], early)

    def _label(self, event: dict[str, Any], state: State) -> None:
        self.job.labels += 1
        score = state.get(event["prediction_id"])
        if score is None:
            state.set(event["prediction_id"], event["label"])
        else:
            state.delete(event["prediction_id"])
            self.job.outcome(score, event["label"])


def main() -> None:
    """Consume everything, measure, leave."""
    task, meter, stored = Task.given(), Meter(), Stored()
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        loglevel="WARNING",
        state_dir=task.state,
        consumer_extra_config={"fetch.queue.backoff.ms": 10, "queued.min.messages": 20_000},
        producer_extra_config={"linger.ms": 20, "compression.type": "lz4"},
    )

    def begin(_: dict[str, Any]) -> None:
        meter.begin()

    def take(event: dict[str, Any], state: State) -> None:
        stored.take(event, state)
        if stored.job.predictions + stored.job.labels == task.messages:
            app.stop()

    predictions = app.dataframe(app.topic(task.predictions_topic)).update(begin)
    labels = app.dataframe(app.topic(task.labels_topic)).update(begin)
    predictions.concat(labels).group_by("model").update(take, stateful=True)
    app.run()
    job = stored.job
    meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)


if __name__ == "__main__":
    main()
