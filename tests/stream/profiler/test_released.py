"""A shard that is given away leaves at once: the cycle collector, which is calmed, would let it stay for hours."""

import gc
import random
import weakref

from profiler_logs import CONFIG, catalog, feed, random_logs

from stream.profiler.checkpoints import Checkpoints
from stream.profiler.shard import ShardCore


def test_no_cycle_holds_a_shard() -> None:
    core = ShardCore(0, catalog(), CONFIG)
    checkpoints = Checkpoints(core, 1, 0)
    now_ms = 0
    for _ in feed(core, *random_logs(1), random.Random(1)):
        now_ms += 1_000
        taken = checkpoints.take(now_ms)
        if taken is not None:
            publication = checkpoints.landed(taken, checkpoints.seq + 1)
            checkpoints.delivered(publication.profiles, publication.seq)
    left = [weakref.ref(part) for part in (checkpoints, core, core.memory.joiner, core.store)]
    gc.collect()
    gc.disable()
    try:
        del core, checkpoints
        assert [part() for part in left] == [None] * len(left)
    finally:
        gc.enable()
