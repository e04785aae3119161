"""The job in Faust agents with tables, so that state survives: every change goes to a changelog topic.

Best form found: events one by one (after `stream.take` Faust refuses to write tables); a profile is written as bytes,
and only every 500 events, which loses up to that many at a crash; the join has one entry a prediction. Lacks: state and
input offset do not move together (a crash between the two counts twice or not at all); windows and tables of a revoked
partition stay in memory; no fencing of a stalled worker.
"""

import os
import pickle
from collections.abc import Mapping
from typing import Any

import faust
import orjson

from load.peers.job import Job, PackedProfile, key_of
from load.peers.meter import Meter, Task

BATCH = 500


class Joined:
    """The job, with its profiles and what waits for a label (or its prediction) in tables.

    Tables may be written only while an event is processed, so not after `stream.take`.
    """

    def __init__(self, waiting: Any, profiles: Any) -> None:
        self.job = Job(PackedProfile)
        self._waiting, self._profiles = waiting, profiles
        self._touched: set[tuple[str, str, int]] = set()

    def prediction(self, event: dict[str, Any], *, last: bool) -> None:
        """Take one prediction in; profiles are written once every `BATCH` events, and with the last."""
        self.job.prediction(event)
        self._keep(event["prediction_id"], self.job.waiting)
        self._touched.add(key_of(event))
        if last or self.job.predictions % BATCH == 0:
            for key in self._touched:
                self._profiles["/".join(map(str, key))] = pickle.dumps(self.job.profiles[key].state)
            self._touched.clear()

    def label(self, event: dict[str, Any]) -> None:
        """Take one label in."""
        self.job.label(event)
        self._keep(event["prediction_id"], self.job.early)

    def _keep(self, identity: str, here: Mapping[str, float]) -> None:
        if identity in here:
            self._waiting[identity] = float(here[identity])
        else:
            self._waiting.pop(identity)


def main() -> None:
    """Consume everything, measure, leave."""
    task, meter = Task.given(), Meter()
    app = faust.App(
        task.group,
        broker=f"kafka://{task.bootstrap}",
        consumer_auto_offset_reset="earliest",
        topic_partitions=task.partitions,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=task.state,
        store="memory://",
        stream_buffer_maxsize=16_384,
        producer_linger=0.02,
    )
    profiles = app.Table("profiles", partitions=task.partitions, key_type=str)
    profiles.value_serializer = "raw"  # of the changelog; the constructor takes it from a Record only
    waiting = app.Table("waiting", partitions=task.partitions, key_type=str, value_type=float)

    joined = Joined(waiting, profiles)
    job = joined.job

    def finish_when_done() -> None:
        if job.predictions + job.labels == task.messages:
            meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)
            os._exit(0)

    @app.agent(app.topic(task.predictions_topic, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def predictions(stream: "faust.Stream[bytes]") -> None:
        async for value in stream:
            meter.begin()
            joined.prediction(orjson.loads(value), last=job.predictions == task.predictions - 1)
            finish_when_done()

    @app.agent(app.topic(task.labels_topic, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def labels(stream: "faust.Stream[bytes]") -> None:
        async for value in stream:
            meter.begin()
            joined.label(orjson.loads(value))
            finish_when_done()

    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
