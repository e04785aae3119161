"""What befalls workers: killed, stopped, stuck, too many of them, coming and going."""

import json
import signal
import time

from confluent_kafka import Producer

from load.chaos.model import SECOND_MS
from load.chaos.scene import SESSION_SECONDS, Scene
from load.chaos.trap import SPRUNG
from stream.kafka.topics import TopicNames

BEYOND_SESSION_SECONDS = 9.0
REPLACED_SECONDS = 60.0
STUCK_SECONDS = 4.0
TRAP_SECONDS = 4.0
LATE_LABELS = 60


def kill_worker(scene: Scene) -> None:
    """Kill -9 one worker; another comes two seconds later."""
    worker = scene.victim()
    if worker is not None:
        scene.kill(worker)
        time.sleep(2)
        scene.installation.worker()


def stop_worker(scene: Scene) -> None:
    """SIGSTOP one worker, wherever it is, and one between consume and checkpoint, until well after their sessions."""
    worker = scene.victim()
    if worker is None:
        return
    scene.installation.worker()  # somebody must be there to take over
    since = time.monotonic()
    worker.send(signal.SIGSTOP)
    stop_between(scene)
    scene.excused.append((since, since + SESSION_SECONDS))
    worker.send(signal.SIGCONT)


def stop_between(scene: Scene) -> None:
    """Stop one worker between consume and checkpoint until others own its shards: its write must be refused."""
    worker = scene.trapped()
    if worker is None or worker.trap is None:
        return
    since = _spring(scene, "stop")
    if since is None:
        return
    if len(scene.installation.alive()) == 1:
        scene.installation.worker()  # somebody must be there to take over
    before = scene.epochs()
    time.sleep(BEYOND_SESSION_SECONDS)
    deadline = since + REPLACED_SECONDS  # where Kafka was killed too, the session ends later
    while time.monotonic() < deadline and not _all_replaced(before, scene.epochs()):
        time.sleep(0.2)
    scene.excused.append((since, since + SESSION_SECONDS))
    scene.zombies.append(worker)
    worker.send(signal.SIGCONT)


def stick_thread(scene: Scene) -> None:
    """Let the profiler's thread hang between consume and checkpoint, while its heartbeats go on."""
    since = _spring(scene, str(STUCK_SECONDS))
    if since is not None:
        time.sleep(STUCK_SECONDS)
        scene.excuse(since)


def late_labels_then_kill(scene: Scene) -> None:
    """Tell late labels for panes that were closed, and kill -9 their owners before they have published: unpublished."""
    producer = Producer({"bootstrap.servers": scene.servers.kafka.bootstrap, "partitioner": "murmur2"})
    topic = TopicNames(scene.installation.prefix).labels
    at_ms = scene.event_ms - 60 * SECOND_MS
    first = max((at_ms - scene.base_ms) // (SECOND_MS // 4), 1)
    for count in range(first, first + LATE_LABELS):
        identity = f"credit-{count}"
        stamped_ms = scene.base_ms + count * SECOND_MS // 4 + 10 * SECOND_MS
        label = {"prediction_id": identity, "model": "credit", "label": "bad", "timestamp_ms": stamped_ms}
        producer.produce(topic, json.dumps(label).encode(), key=identity)
    producer.flush(10)
    time.sleep(scene.rng.uniform(0.3, 1.5))  # about a checkpoint's time: it has landed, its late parts are not out
    for worker in [w for w in scene.installation.alive() if w.trap is None][:2]:
        scene.kill(worker)
        scene.installation.worker()


def rolling_restart(scene: Scene) -> None:
    """SIGTERM the workers one after the other, each replaced at once."""
    for worker in [w for w in scene.installation.alive() if w.trap is None][:3]:
        since = time.monotonic()
        worker.end(signal.SIGTERM)
        scene.installation.worker()
        time.sleep(1.5)
        scene.excuse(since)


def storm(scene: Scene) -> None:
    """Let workers join and leave every second or two, politely and not."""
    since = time.monotonic()
    joined = []
    for _ in range(5):
        joined.append(scene.installation.worker())
        time.sleep(scene.rng.uniform(1.0, 2.0))
        if len(joined) > 1 and scene.rng.random() < 0.7:
            leaver = joined.pop(0)
            if scene.rng.random() < 0.5:
                leaver.end(signal.SIGTERM)
            else:
                scene.kill(leaver)
    for worker in joined:
        worker.end(signal.SIGTERM)
    scene.excuse(since, SESSION_SECONDS)


def crowd(scene: Scene) -> None:
    """Have more workers than partitions for a while: some have nothing to do."""
    since = time.monotonic()
    joined = [scene.installation.worker() for _ in range(4)]
    time.sleep(5)
    for worker in joined[1:]:
        worker.end(signal.SIGTERM)
    scene.excuse(since)


def _spring(scene: Scene, what: str) -> float | None:
    """Lay the trap and wait until the worker is in it; None when nobody came.

    It may have no shard: then others leave, all but one.
    """
    worker = scene.trapped()
    if worker is None or worker.trap is None:
        return None
    sprung = worker.trap.with_name(worker.trap.name + SPRUNG)
    sprung.unlink(missing_ok=True)
    waiting = worker.trap.with_name(worker.trap.name + ".new")
    waiting.write_text(what, encoding="utf-8")
    waiting.rename(worker.trap)
    patience, deadline = time.monotonic() + TRAP_SECONDS, time.monotonic() + 8 * TRAP_SECONDS
    while not sprung.exists():
        if not worker.alive or time.monotonic() > deadline:
            worker.trap.unlink(missing_ok=True)
            return None
        if (
            time.monotonic() > patience
            and len(scene.installation.alive()) > 2
            and (other := scene.victim()) is not None
        ):
            other.end(signal.SIGTERM)
            patience = time.monotonic() + TRAP_SECONDS
        time.sleep(0.02)
    return time.monotonic()


def _all_replaced(before: dict[int, bytes | None], now: dict[int, bytes | None]) -> bool:
    """Whether every shard has another epoch: the group has decided anew, without the worker that is stopped."""
    return bool(before) and before.keys() == now.keys() and all(now[shard] != epoch for shard, epoch in before.items())
