"""The job in Faust agents, in memory.

One agent a topic, `async for event in stream`, as its guide shows; values stay bytes and are parsed by orjson, which
is faster than Faust's own codec. Lacks: any durability (a crash or a rebalance loses all state and goes on after the
committed offset); an exception in the agent still acknowledges the event.
"""

import os

import faust
import orjson

from load.peers.job import Job
from load.peers.meter import Meter, Task


def main() -> None:
    """Consume everything, measure, leave."""
    task, meter, job = Task.given(), Meter(), Job()
    app = faust.App(
        task.group,
        broker=f"kafka://{task.bootstrap}",
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=task.state,
        stream_buffer_maxsize=16_384,
    )

    def finish_when_done() -> None:
        if job.predictions + job.labels == task.messages:
            meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)
            os._exit(0)

    @app.agent(app.topic(task.predictions_topic, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def predictions(stream: "faust.Stream[bytes]") -> None:
        async for value in stream:
            meter.begin()
            job.prediction(orjson.loads(value))
            finish_when_done()

    @app.agent(app.topic(task.labels_topic, value_type=bytes, value_serializer="raw"))  # type: ignore[untyped-decorator]
    async def labels(stream: "faust.Stream[bytes]") -> None:
        async for value in stream:
            meter.begin()
            job.label(orjson.loads(value))
            finish_when_done()

    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
