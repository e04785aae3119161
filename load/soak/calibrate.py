"""What the workers carry on this machine, with Kafka, Redis and the sender beside them."""

import time
from pathlib import Path

from redis import Redis

from load.chaos.installation import PARTITIONS
from load.chaos.verdict import wait_for
from load.servers import Servers
from load.soak.feed import Feeding
from load.soak.feeder import Feeder
from load.soak.site import Site, make_site, standard
from stream.checkpoint import ShardName

PREFIX = "burst."
EVENT_RATE = 50_000.0
"""Predictions per second of event time: more than can be sent, so that no timestamp lies ahead of the clock."""

BURST_SECONDS, FIRST_SECONDS = 20.0, 5.0
START_SECONDS = 60.0


def carried(servers: Servers, folder: Path, seed: int) -> float:
    """Return how many predictions a second, each with a label, get through while one sends as fast as it can.

    Whatever ends first is the limit: the sender, which has a core of its own where there are enough, or the workers.
    """
    spec = standard(EVENT_RATE, seed, time.time_ns() // 1_000_000)
    site = make_site(servers, folder, PREFIX, spec)
    with Redis.from_url(servers.redis_url) as client:
        try:
            wait_for("the workers' start", lambda: owned(client, site), START_SECONDS, site.installation)
            given = Feeding(site.servers.kafka, PREFIX, str(folder), spec, BURST_SECONDS, paced=False)
            with Feeder(given):
                wait_for("the first event", lambda: counted(client, PREFIX) > 0, START_SECONDS, site.installation)
                time.sleep(FIRST_SECONDS)
                before, since = counted(client, PREFIX), time.monotonic()
                time.sleep(BURST_SECONDS - 2 * FIRST_SECONDS)
                events, seconds = counted(client, PREFIX) - before, time.monotonic() - since
        finally:
            site.installation.stop()
        forget(client, PREFIX)
    return events / 2 / seconds


def owned(client: Redis, site: Site) -> bool:
    """Whether every shard has an owner."""
    prefix = site.installation.prefix
    return all(client.hexists(ShardName(prefix, "profiler", n).meta, "epoch") for n in range(PARTITIONS))


def forget(client: Redis, prefix: str) -> None:
    """Delete all state under a prefix."""
    for key in client.scan_iter(match=f"*{prefix}*", count=1_000):
        client.unlink(key)


def counted(client: Redis, prefix: str) -> int:
    """How many messages are in checkpoints."""
    offsets = 0
    for shard in range(PARTITIONS):
        meta = ShardName(prefix, "profiler", shard).meta
        offsets += sum(int(value or 0) for value in client.hmget(meta, "offset:predictions", "offset:labels"))
    return offsets
