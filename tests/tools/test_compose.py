"""docker-compose.yml runs on the settings that the integration tests run on (no Docker is needed to see that)."""

from pathlib import Path

import yaml
from servers.kafka import PROPERTIES

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())
# Addresses, folders and what only a test wants.
OF_THE_PLACE = ("listeners", "controller.quorum", "log.dirs", "node.id", "offsets.topic.num", "num.partitions",
                "group.consumer.min", "group.min", "inter.broker", "controller.listener")  # fmt: skip


def test_kafka_has_the_settings_of_the_tests() -> None:
    environment = {k.removeprefix("KAFKA_"): str(v) for k, v in COMPOSE["services"]["kafka"]["environment"].items()}
    for line in PROPERTIES.strip().splitlines():
        key, value = line.split("=", 1)
        if key.startswith(OF_THE_PLACE) or "listeners" in key:
            continue
        assert environment[key.replace(".", "_").upper()] == value, key


def test_redis_has_the_settings_of_the_tests() -> None:
    command = COMPOSE["services"]["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"


def test_two_workers_wait_for_the_topics() -> None:
    workers = [service for name, service in COMPOSE["services"].items() if name.startswith("worker")]
    assert len(workers) == 2
    assert all("topics" in worker["depends_on"] for worker in workers)
