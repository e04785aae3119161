"""What Redis holds of a prefix."""

from redis import Redis

from load.bench.stage import Scene
from load.curves.bench import Bench
from load.soak import calibrate


def data_bytes(bench: Bench, scene: Scene) -> int:
    """Return the memory of every key under a scene's prefix, as Redis counts it."""
    with Redis.from_url(bench.servers.redis_url) as client:
        keys = list(client.scan_iter(match=f"*{scene.names.prefix}*", count=1_000))
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.memory_usage(key, samples=0)
        return sum(int(size or 0) for size in pipeline.execute())


def sent_bytes(bench: Bench) -> int:
    """Return what Redis has sent to all clients since its start."""
    with Redis.from_url(bench.servers.redis_url) as client:
        return int(client.info("stats")["total_net_output_bytes"])


def forget(bench: Bench, scene: Scene) -> None:
    """Delete every key under a scene's prefix."""
    with Redis.from_url(bench.servers.redis_url) as client:
        calibrate.forget(client, scene.names.prefix)
