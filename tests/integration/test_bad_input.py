"""Bad input, to a worker on real servers: each row ends as the design says, and the worker goes on.

Every bad message has a good one right behind it, in the same partition. The worker has all of it in a few batches.
"""

import json
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer
from integration.end_to_end.cluster import PROFILE_PARTITIONS, Cluster, wait_for
from integration.end_to_end.topics import PARTITIONS, Record, read
from integration.rubbish.cases import DAY_MS, MEGABYTE, Case, cases, label, prediction

from tidegauge.codec import decode_profiles
from tidegauge.profiles import ProfileBundle

pytestmark = pytest.mark.integration

DECLARED = """\
model: rubbish
task: binary
positive: late
features: {x: numeric, kind: categorical}
reference: {learn: 28d}
segments: [shop]
windows: [1d]
"""


@dataclass
class Sent:
    """Where each case stands in its topic, and how many good rows stand between them."""

    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    good: Counter[str] = field(default_factory=Counter)


@dataclass
class Outcome:
    """What came of it all."""

    sent: Sent
    status: dict[str, Any]
    letters: dict[tuple[str, int, int], list[Record]]
    log: str
    metrics: str

    def total(self, topic: str, name: str) -> Counter[str]:
        """Sum of a group of counters over all shards."""
        groups = [shard["counts"][topic][name] for shard in self.status["shards"]]
        return sum((Counter(group) for group in groups), Counter())

    def count(self, topic: str, name: str) -> int:
        """Sum of one counter over all shards."""
        return sum(shard["counts"][topic][name] for shard in self.status["shards"])


NOW_MS = time.time_ns() // 1_000_000
CASES = cases(NOW_MS)


def send(bootstrap: str, prefix: str) -> Sent:
    """Write every case with a good row behind it."""
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 2 * MEGABYTE, "linger.ms": 50})
    sent = Sent()

    def noted(case: Case, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        sent.places[case.name] = (message.partition() or 0, message.offset() or 0)

    for number, case in enumerate(CASES):
        topic, partition = f"{prefix}{case.role}", number % PARTITIONS
        make = prediction if case.role == "predictions" else label
        producer.produce(
            topic, case.raw, partition=partition, on_delivery=lambda e, m, case=case: noted(case, e, m)
        )  # fmt: skip
        producer.produce(topic, make(NOW_MS, prediction_id=f"good-{number}", model="good"), partition=partition)
        sent.good[case.role] += 1
    assert producer.flush(30) == 0
    return sent


@pytest.fixture(scope="module")
def outcome(
    bootstrap: str, real_redis_url: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("rubbish")
    (folder / "rubbish.yaml").write_text(DECLARED)
    cluster = Cluster(bootstrap, real_redis_url, folder, f"rubbish-{uuid.uuid4().hex[:8]}.")
    cluster.create("rubbish.yaml")
    sent = send(bootstrap, cluster.prefix)
    cluster.worker()
    try:
        wait_for("an account of every row", lambda: _all_read(cluster, sent), 60, cluster)
        # Open parts are told after five seconds: whatever came must fit a message then.
        wait_for("the samples", lambda: _learnt(cluster), 60, cluster)
        status = _status(cluster)
        letters: dict[tuple[str, int, int], list[Record]] = {}
        for letter in read(bootstrap, f"{cluster.prefix}dead-letters"):
            where = (letter.headers["topic"], int(letter.headers["partition"]), int(letter.headers["offset"]))
            letters.setdefault(where, []).append(letter)
        prefix = len(cluster.prefix)
        letters = {(topic[prefix:], partition, offset): found for (topic, partition, offset), found in letters.items()}
        yield Outcome(sent, status, letters, cluster.log("worker-0.log"), _metrics(folder))
    finally:
        cluster.stop()


def _status(cluster: Cluster) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(cluster.command("status", "--json", "-c", "tidegauge.yaml"))
    return status


def _all_read(cluster: Cluster, sent: Sent) -> bool:
    shards = _status(cluster)["shards"]
    read_now = sum(counts["messages"] for shard in shards for counts in shard["counts"].values())
    return bool(read_now == len(CASES) + sent.good.total())


def _learnt(cluster: Cluster) -> bool:
    """Whether Kafka has what is kept of the models that are learnt."""
    told = (
        decode_profiles(record.value)
        for record in read(cluster.bootstrap, f"{cluster.prefix}profiles", PROFILE_PARTITIONS)
    )
    profiles = [profile for bundle in told if isinstance(bundle, ProfileBundle) for profile in bundle.profiles]
    return {profile.model for profile in profiles if profile.part == "sample"} >= {"learnt", "wide"}


def _metrics(folder: Any) -> str:
    port = next(line for line in (folder / "worker-0.yaml").read_text().splitlines() if line.startswith("web:"))
    address = f"http://127.0.0.1:{int(''.join(c for c in port if c.isdigit()))}/metrics"
    with urllib.request.urlopen(address, timeout=5) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_case_ends_as_it_should(outcome: Outcome, case: Case) -> None:
    letters = outcome.letters.get((case.role, *outcome.sent.places[case.name]), [])
    if case.fate != "dead":
        assert letters == []
        return
    [letter] = letters
    assert letter.headers["reason"] == case.reason
    assert case.says in letter.headers["detail"]
    raw = case.raw or b""
    assert letter.value == raw[:900_000]
    assert letter.headers.get("truncated") == (str(len(raw)) if len(raw) > 900_000 else None)


@pytest.mark.parametrize("topic", ["predictions", "labels"])
def test_every_row_is_accounted_for(outcome: Outcome, topic: str) -> None:
    mine = [case for case in CASES if case.role == topic]
    dead, dropped = outcome.total(topic, "dead"), outcome.total(topic, "dropped")
    assert dead == Counter(case.reason for case in mine if case.fate == "dead")
    assert dropped == Counter(case.reason for case in mine if case.fate == "dropped")
    strange = sum(case.rows for case in mine if case.fate == "accepted")
    assert outcome.count(topic, "accepted") == outcome.sent.good[topic] + strange
    assert outcome.count(topic, "rows") == outcome.count(topic, "accepted") + dead.total() + dropped.total()
    assert outcome.count(topic, "messages") + outcome.count(topic, "gaps") == 2 * len(mine)


def test_the_future_is_clamped_and_what_does_not_fit_is_noted(outcome: Outcome) -> None:
    assert outcome.count("predictions", "clamped") == 1
    assert outcome.count("labels", "clamped") == 1
    assert {"latency_negative", "feature_type"} <= set(outcome.total("predictions", "noted"))
    newest = max(shard["predictions_newest_ms"] for shard in outcome.status["shards"])
    assert newest < NOW_MS + DAY_MS


def test_a_prediction_that_was_learnt_of_is_waiting_for_its_label(outcome: Outcome) -> None:
    matched = {case.name for case in CASES if case.role == "predictions" and case.fate == "accepted"}
    assert sum(shard["outstanding"] for shard in outcome.status["shards"]) >= len(matched)


def test_the_page_says_the_same(outcome: Outcome) -> None:
    dead = sum(case.fate == "dead" for case in CASES)
    assert f"tidegauge_dead_letters_total {dead}.0" in outcome.metrics
    assert 'outcome="nested_too_deep"' in outcome.metrics


def test_the_log_holds_no_content(outcome: Outcome) -> None:
    assert "good-1" not in outcome.log
    assert "kkkk" not in outcome.log
    assert "Traceback" not in outcome.log
