"""What befalls Kafka and Redis, and the network before them; and changes of what is watched, which are no faults."""

import time

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from load.chaos.model import reference_frame
from load.chaos.scene import Scene
from stream.kafka.topics import TopicNames

BACK_SECONDS = 4.0
"""How long clients may take to find a server again that was away."""

HOLD_SECONDS = 2.0


def kill_kafka(scene: Scene) -> None:
    """Kill -9 the broker and start it again."""
    since = time.monotonic()
    scene.servers.kafka.kill()
    time.sleep(scene.rng.uniform(0.2, 2.0))
    scene.servers.kafka.start()
    scene.excuse(since, BACK_SECONDS)


def refuse_alerts(scene: Scene) -> None:
    """Let the alerts topic refuse every write for a while: it wants one replica more than there is."""
    _min_replicas(scene, "2")
    time.sleep(4)
    _min_replicas(scene, "1")


def change_definition(scene: Scene) -> None:
    """Change what is watched of a model: another worth of a loss, so that rules change and parts do not."""
    scene.installation.declare("credit", "credit.parquet", drop=0.08)
    _apply(scene, "credit")


def change_reference(scene: Scene) -> None:
    """Give a model another healthy past."""
    reference_frame(scene.base_ms, 77).to_parquet(scene.installation.folder / "churn-2.parquet")
    scene.installation.declare("churn", "churn-2.parquet")
    _apply(scene, "churn")


def kill_redis(scene: Scene) -> None:
    """Kill -9 Redis and start it again on its own files."""
    since = time.monotonic()
    scene.servers.store.kill()
    time.sleep(scene.rng.uniform(0.1, 2.5))
    scene.servers.store.start()
    scene.excuse(since, BACK_SECONDS)


def pause_redis(scene: Scene) -> None:
    """Let Redis answer nobody for some seconds."""
    since = time.monotonic()
    with scene.servers.direct() as client:
        client.execute_command("CLIENT", "PAUSE", 3_500, "ALL")
    time.sleep(3.5)
    scene.excuse(since, BACK_SECONDS)


def reset_redis(scene: Scene) -> None:
    """Reset every connection to Redis, again and again."""
    _toxic(scene, "redis", "reset_peer", {"timeout": scene.rng.randrange(0, 300)}, 2.5)


def delay_redis(scene: Scene) -> None:
    """Delay every answer of Redis, some beyond the clients' patience."""
    _toxic(scene, "redis", "latency", {"latency": 900, "jitter": 1_400}, 4.0)


def reset_kafka(scene: Scene) -> None:
    """Reset every connection between workers and Kafka, again and again."""
    _toxic(scene, "kafka", "reset_peer", {"timeout": scene.rng.randrange(0, 300)}, 2.5)


def delay_kafka(scene: Scene) -> None:
    """Delay everything that Kafka tells workers."""
    _toxic(scene, "kafka", "latency", {"latency": 400, "jitter": 400}, 4.0)


def fail_over_redis(scene: Scene) -> None:
    """Lose the last second of Redis: a replica that lags takes over, state and offsets go back together."""
    scene.servers.replicate()
    deadline = time.monotonic() + 10
    while not scene.servers.replica_in_sync() and time.monotonic() < deadline:
        time.sleep(0.05)
    scene.servers.cut_replica()
    time.sleep(scene.rng.uniform(0.8, 2.0))
    since = time.monotonic()
    scene.servers.fail_over()
    scene.excuse(since, BACK_SECONDS)


def _toxic(scene: Scene, server: str, name: str, attributes: dict[str, int], seconds: float) -> None:
    proxy = scene.servers.proxy
    if proxy is None:
        raise RuntimeError("there is no toxiproxy")
    since = time.monotonic()
    proxy.poison(server, name, attributes)
    time.sleep(seconds)
    proxy.cure(server, name)
    scene.excuse(since, BACK_SECONDS)


def _min_replicas(scene: Scene, count: str) -> None:
    topic = TopicNames(scene.installation.prefix).alerts
    entry = ConfigEntry("min.insync.replicas", count, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": scene.servers.kafka.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)


def _apply(scene: Scene, model: str) -> None:
    """Apply a change while event time stands still.

    A change takes effect a minute of event time after the newest event that is known, so that every worker hears of it
    before. Here a minute is two seconds of the clock, less than the command takes; and where the machine is slow the
    workers are, too, so they have as long to hear of it as the command took.
    """
    hold = scene.installation.folder / "hold"
    with scene.applying:  # on a slow machine one change may last until the next
        since = time.monotonic()
        hold.touch()
        try:
            time.sleep(HOLD_SECONDS)
            began = time.monotonic()
            scene.installation.apply(model)
            time.sleep(max(HOLD_SECONDS / 2, time.monotonic() - began))
        finally:
            hold.unlink()
        scene.excuse(since)
