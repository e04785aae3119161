"""The profiler's thread alone, without monitor and Faust: validation, profiles, join, checkpoints, publishing."""

import time
from pathlib import Path

from load.peers.meter import Meter, Task
from stream.app.allocator import return_large_blocks
from stream.app.assemble import profiler_config
from stream.app.collector import calm_collector
from stream.checkpoint import connect
from stream.config import load_settings
from stream.definitions.follower import DefinitionFollower
from stream.definitions.reader import DefinitionReader
from stream.kafka.topics import TopicNames
from stream.profiler import ProfilerThread

POLL_SECONDS = 0.005


def main() -> None:
    """Measure until every message is in a checkpoint, and write it down."""
    task, meter = Task.given(), Meter()
    settings = load_settings(Path(task.extra["config"]))
    expected = int(task.extra["messages"])
    follower = DefinitionFollower(DefinitionReader(settings.kafka_settings, TopicNames(settings.prefix).models))
    follower.start()
    store = connect(settings.redis.url.get_secret_value())
    thread = ProfilerThread(profiler_config(settings, "bench"), store, lambda: follower.catalog)
    return_large_blocks()  # as the worker does before it begins
    calm_collector()
    meter.begin()
    thread.start()
    while thread.status.totals.messages < expected:
        if thread.failure is not None:
            raise thread.failure
        time.sleep(POLL_SECONDS)
    time.sleep(1.1)  # the status is a second old at most
    shards = thread.status.shards
    thread.stop(10.0)
    meter.end(predictions=sum(s.predictions.accepted for s in shards), labels=sum(s.labels.accepted for s in shards))


if __name__ == "__main__":
    main()
