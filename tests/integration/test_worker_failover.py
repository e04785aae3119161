"""A whole worker, profiler and monitor, while its Redis fails over: every number is the one of an undisturbed run."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluent_kafka import Producer
from integration.conftest import require
from integration.end_to_end import plain
from integration.end_to_end.cluster import PROFILE_PARTITIONS, Cluster, wait_for
from integration.end_to_end.topics import PARTITIONS, read
from servers import redis
from servers.redis import valkey_binary
from servers.redis_cluster import RedisCluster, RedisSentinel, client

from tidegauge import decode_report

pytestmark = pytest.mark.integration
DAYS = [plain.FIRST_DAY + pd.Timedelta(days=day) for day in range(2)]
AWAY_SECONDS = 8.0
"""Longer than the session timeout of 6 s: the group must see no reason to rebalance."""


Message = tuple[int, str, str, dict[str, Any]]


def messages() -> list[Message]:
    """Return two days of rows and their labels as (time, role, key, event), in the order of a real service."""
    found: list[Message] = []
    for row in plain.live_rows().itertuples():
        at_ms = int(row.ts + row.delay)
        event = {
            "prediction_id": row.id, "model": "plain", "timestamp_ms": int(row.ts), "prediction": row.prediction,
            "features": {"x": row.x, "kind": row.kind}, "latency_ms": row.latency,
        }  # fmt: skip
        label = {"prediction_id": row.id, "model": "plain", "label": row.label, "timestamp_ms": at_ms}
        found += [(int(row.ts), "predictions", row.id, event), (at_ms, "labels", row.id, label)]
    return sorted(found, key=lambda message: message[0])


def send(bootstrap: str, prefix: str, part: list[Message]) -> None:
    """Publish messages as any Kafka client would."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2"})
    for _, role, key, event in part:
        producer.produce(f"{prefix}{role}", json.dumps(event).encode(), key=key)
    assert producer.flush(30) == 0


def send_end(bootstrap: str, prefix: str, watermark_ms: int) -> None:
    """Lift every watermark beyond the last decision."""
    producer = Producer({"bootstrap.servers": bootstrap})
    value = json.dumps({"type": "watermark", "timestamp_ms": watermark_ms}).encode()
    for role in ("predictions", "labels"):
        for partition in range(PARTITIONS):
            producer.produce(f"{prefix}{role}", value, partition=partition)
    assert producer.flush(30) == 0


def counted(installation: Cluster) -> dict[str, int]:
    """Return what the checkpoints hold, summed over shards and topics."""
    try:
        text = installation.command("status", "--json", "-c", "tidegauge.yaml")
    except AssertionError as error:
        if "did not answer" not in str(error):
            raise
        return dict.fromkeys(("messages", "accepted", "late"), -1)  # in the middle of a failover there is no master
    status: dict[str, Any] = json.loads(text)
    counts = [counts for shard in status["shards"] for counts in shard["counts"].values()]
    return {key: sum(count[key] for count in counts) for key in ("messages", "accepted", "late")}


def run(
    bootstrap: str, url: str, folder: Path, prefix: str, trouble: Callable[[Cluster, list[Message]], None]
) -> Cluster:
    """Send half of two days; make trouble, which takes what it sends off the rest; compare the end with the truth."""
    installation = Cluster(bootstrap, url, folder, prefix)
    folder.mkdir(parents=True)
    (folder / "plain.yaml").write_text(plain.DEFINITION, encoding="utf-8")
    plain.reference_frame().to_csv(folder / "plain.csv", index=False)
    rest = messages()
    count = len(rest)
    first = [rest.pop(0) for _ in range(count // 2)]
    try:
        installation.create("plain.yaml").worker()
        send(bootstrap, prefix, first)
        wait_for("the first half", lambda: counted(installation)["messages"] == len(first), 60, installation)
        trouble(installation, rest)
        send(bootstrap, prefix, rest)
        send_end(bootstrap, prefix, int(DAYS[1].timestamp() * 1000) + 4 * plain.DAY)
        whole = count + 2 * PARTITIONS
        wait_for("the second half", lambda: counted(installation)["messages"] == whole, 90, installation)
        assert counted(installation)["accepted"] == count
        wait_for("the last report", lambda: len(outcomes(installation)) == len(DAYS), 60, installation)
        for day in DAYS:
            said = outcomes(installation)[int(day.timestamp() * 1000)]
            wanted = plain.expected(day, plain.DAY)
            assert {name: said[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    finally:
        installation.stop()
    return installation


def health(installation: Cluster) -> tuple[int, str]:
    """Return the status of the worker's page, and what it says."""
    config = (installation.folder / "worker-0.yaml").read_text(encoding="utf-8")
    port = next(int(line.split(":")[-1].strip(" }")) for line in config.splitlines() if line.startswith("web:"))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def outcomes(installation: Cluster) -> dict[int, dict[str, float]]:
    """Return what is said of each day, by its start, at the label horizon; the last revision."""
    reports = [
        decode_report(record.value)
        for record in read(installation.bootstrap, f"{installation.prefix}reports", PROFILE_PARTITIONS)
    ]
    return {
        r.window.start_ms: {"n": r.n, "labelled": r.labelled, **{m.metric: m.value for m in r.metrics}}
        for r in sorted(reports, key=lambda r: r.revision)
        if r.part == "outcome" and r.age_ms == plain.DAY
    }


def test_a_cluster_that_is_down_for_longer_than_a_session(bootstrap: str, tmp_path: Path) -> None:
    require(redis.missing())
    servers = RedisCluster(tmp_path / "redis", str(redis.redis_binary())).start()

    def trouble(installation: Cluster, rest: list[Message]) -> None:
        # One node is enough: without it the others refuse too (CLUSTERDOWN).
        victim = servers.nodes[1]
        victim.kill()
        send(bootstrap, installation.prefix, [rest.pop(0) for _ in range(200)])
        time.sleep(AWAY_SECONDS)
        wait_for("a page that says so", lambda: health(installation)[0] == 503, 30, installation)
        assert "Redis takes no checkpoint" in health(installation)[1]
        victim.start()
        wait_for("a page that is well again", lambda: health(installation)[0] == 200, 30, installation)

    try:
        installation = run(bootstrap, servers.url, tmp_path / "worker", f"c{tmp_path.name[-4:]}.", trouble)
    finally:
        servers.kill()
    assert installation.log("worker-0.log").count("is owned from") == PROFILE_PARTITIONS  # no rebalance, no fence


def test_a_failover_that_takes_the_state_back(bootstrap: str, tmp_path: Path) -> None:
    servers = RedisSentinel(tmp_path / "redis", valkey_binary()).start()

    def trouble(installation: Cluster, rest: list[Message]) -> None:
        before = counted(installation)["messages"]
        with client(servers.master) as master:
            assert master.wait(1, 5000) == 1
        servers.cut_replica_off()
        send(bootstrap, installation.prefix, [rest.pop(0) for _ in range(200)])
        wait_for("what the replica lacks", lambda: counted(installation)["messages"] == before + 200, 30, installation)
        servers.master.kill()

    try:
        installation = run(bootstrap, servers.url, tmp_path / "worker", f"s{tmp_path.name[-4:]}.", trouble)
        assert servers.promoted()
    finally:
        servers.kill()
    assert "Stale" in installation.log("worker-0.log")
