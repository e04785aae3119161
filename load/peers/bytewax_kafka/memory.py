"""The job in a Bytewax dataflow, in memory.

Kafka source with its default batches, keyed by model, one `stateful_batch` step that holds the job, one worker. Lacks:
recovery is off (with it, state is snapshotted once an epoch of 10 s; output since is repeated); its source assigns
partitions by itself, so workers that come and go do not rebalance: the cluster is restarted to be resized.
"""

from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from load.peers.job import Job
from load.peers.meter import Meter, Task


class JobLogic(StatefulBatchLogic[tuple[bool, dict[str, Any]], None, None]):
    """Holds the job of one key."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def on_batch(self, values: list[tuple[bool, dict[str, Any]]]) -> tuple[Iterable[None], bool]:
        """Take a batch in."""
        prediction, label = self.job.prediction, self.job.label
        for is_prediction, event in values:
            if is_prediction:
                prediction(event)
            else:
                label(event)
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Keep nothing: recovery is off."""


class _Nothing(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        """Write nothing."""


class Nowhere(DynamicSink[Any]):
    """A dataflow must end somewhere."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Nothing:  # noqa: ARG002 - as Bytewax calls it
        """Make the sink."""
        return _Nothing()


def main() -> None:
    """Consume everything, measure, leave."""
    task, meter, job = Task.given(), Meter(), Job()
    settings = {"fetch.queue.backoff.ms": "10", "queued.min.messages": "20000", "enable.partition.eof": "true"}
    topics = [task.predictions_topic, task.labels_topic]

    def parse(messages: list[KafkaSourceMessage[bytes, bytes]]) -> Iterable[tuple[str, tuple[bool, dict[str, Any]]]]:
        meter.begin()
        loads = orjson.loads
        for message in messages:
            event = loads(message.value)
            yield event["model"], (message.topic == task.predictions_topic, event)

    flow = Dataflow("job")
    source = KafkaSource([task.bootstrap], topics, tail=False, add_config=settings, batch_size=2_000)
    keyed = op.flat_map_batch("parse", op.input("in", flow, source), parse)
    done = op.stateful_batch("job", keyed, lambda _: JobLogic(job))
    op.output("out", done, Nowhere())
    run_main(flow)
    meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)


if __name__ == "__main__":
    main()
