"""What one would write by hand: consume, orjson, and the job, in one loop, in memory."""

import gc

import orjson

from load.bench.subjects.reading import batches
from load.peers.job import Job
from load.peers.meter import Meter, Task


def main() -> None:
    """Measure and write it down."""
    task, meter, job = Task.given(), Meter(), Job()
    gc.disable()
    loads, prediction, label = orjson.loads, job.prediction, job.label
    for batch in batches(task, meter):
        for message in batch:
            event = loads(message.value() or b"")
            if message.topic() == task.predictions_topic:
                prediction(event)
            else:
                label(event)
    meter.end(predictions=job.predictions, labels=job.labels, joined=job.joined)


if __name__ == "__main__":
    main()
