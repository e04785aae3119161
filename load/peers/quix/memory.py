"""The job in Quix Streams, in memory.

One application, a StreamingDataFrame a topic, `update` with a plain function, values parsed by its JSON deserializer
(orjson underneath). Lacks: any durability: offsets are committed every 5 s, state is lost with the process, so what was
counted since is neither restored nor counted again.
"""

from typing import Any

from quixstreams import Application

from load.peers.job import Job
from load.peers.meter import Meter, Task


def main() -> None:
    """Consume everything, measure, leave."""
    task, meter, job = Task.given(), Meter(), Job()
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
        state_dir=task.state,
        consumer_extra_config={"fetch.queue.backoff.ms": 10, "queued.min.messages": 20_000},
    )

    def prediction(event: dict[str, Any]) -> None:
        meter.begin()
        job.prediction(event)
        stop_when_done()

    def label(event: dict[str, Any]) -> None:
        meter.begin()
        job.label(event)
        stop_when_done()

    def stop_when_done() -> None:
        if job.predictions + job.labels == task.messages:
            app.stop()

    app.dataframe(app.topic(task.predictions_topic)).update(prediction)
    app.dataframe(app.topic(task.labels_topic)).update(label)
    app.run()
    meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)


if __name__ == "__main__":
    main()
