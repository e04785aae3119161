"""The same log through one worker and through eight: `python -m load.chaos.any_number`.

Also with a worker that joins in the middle, under both group protocols, with other batches and checkpoint intervals.
Each installation has topics and state of its own and a copy of the log, message by message; each must come to what one
thread makes of it, and all to the same. One line for each, and a last line `N alike, M not`.
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Producer
from integration.end_to_end.topics import Record, read

from load.chaos import checks
from load.chaos.installation import PARTITIONS, Installation
from load.chaos.model import MINUTE_MS
from load.chaos.run import FINAL_MS
from load.chaos.servers import Servers
from load.chaos.service import Assignment, Sender
from load.chaos.topics import ROLES
from load.chaos.traffic import Traffic
from load.chaos.verdict import Verdict, finish, verify
from tidegauge.kafka_settings import ORDERED

BASE_MS = 1_750_000_000_000 // 3_600_000 * 3_600_000
SLICES, SLICE_SECONDS = 20, 0.25
SHOWN = 8


@dataclass(frozen=True)
class Variant:
    """How the log is read: by how many workers from the beginning, and how many more in its middle."""

    name: str
    workers: int
    joining: int = 0
    kind: str = "product"
    kafka: dict[str, str] = field(default_factory=dict)


NEW_PROTOCOL = {"group.protocol": "consumer", "group.remote.assignor": "range"}
VARIANTS = (
    Variant("one", 1),
    Variant("two", 2, joining=1),
    Variant("eight", 8),
    Variant("small-batches", 2, kind="small"),
    Variant("new-protocol", 2, joining=1, kafka=NEW_PROTOCOL),
    Variant("new-protocol-crowd", PARTITIONS + 1, kafka=NEW_PROTOCOL),
)


@dataclass(frozen=True)
class Comparison:
    """Installations on the same servers that read the same log."""

    servers: Servers
    folder: Path

    def write_log(self, seed: int, minutes: int) -> Installation:
        """Make an installation without workers, with the log that all others get a copy of."""
        source = self._installation("source", "product", {})
        source.create(BASE_MS, seed)
        traffic = Traffic(seed, minutes * MINUTE_MS, PARTITIONS)
        sender = Sender(Assignment("", source.bootstrap, source.prefix, "", BASE_MS, 0.0, traffic))
        for step in traffic.steps():
            sender.send(step)
        sender.close()
        finish(source, BASE_MS + traffic.length_ms + FINAL_MS)
        return source

    def read(self, variant: Variant, source: Installation) -> Verdict:
        """Read the log as a variant does; it comes slowly where a worker joins in the middle."""
        place = self._installation(variant.name, variant.kind, variant.kafka)
        place.create_topics()
        _send(place, "models", read(place.bootstrap, f"{source.prefix}models", 1))
        logs = {role: read(place.bootstrap, f"{source.prefix}{role}", PARTITIONS) for role in ROLES}
        try:
            for _ in range(variant.workers):
                place.worker()
            slices = SLICES if variant.joining else 1
            for number in range(slices):
                for _ in range(variant.joining if number == slices // 4 else 0):
                    place.worker()
                for role, log in logs.items():
                    _send(place, role, _slice(log, number, slices))
                time.sleep(SLICE_SECONDS)
            return verify(place, self.servers)
        finally:
            place.stop()

    def _installation(self, name: str, kind: str, kafka: dict[str, str]) -> Installation:
        return Installation(
            self.folder / name,
            self.servers.kafka.bootstrap,
            self.servers.store_url,
            kind=kind,
            kafka=kafka,
            prefix=f"{name}.",
        )


def differences(one: Verdict, other: Verdict) -> list[str]:
    """Say in what two verdicts differ: profiles, reports, transitions of alerts."""
    return [
        *checks.profiles(one.published, {}, other.expected),
        *checks.reports(one.published, other.expected),
        *checks.transitions(one.published, other.expected),
    ]


def main() -> int:
    """Read the log in every way; 0 when all are alike."""
    alike = other = 0
    with tempfile.TemporaryDirectory(prefix="tidegauge-any-number-") as name:
        servers = Servers(Path(name) / "servers").start()
        try:
            comparison = Comparison(servers, Path(name))
            source = comparison.write_log(seed=1, minutes=12)
            first: Verdict | None = None
            for variant in VARIANTS:
                began = time.monotonic()
                verdict = comparison.read(variant, source)
                first = first or verdict
                problems = [*verdict.problems, *differences(verdict, first)]
                _print(variant, problems, verdict, time.monotonic() - began)
                alike, other = alike + (not problems), other + bool(problems)
        finally:
            servers.stop()
    print(f"{alike} alike, {other} not", flush=True)
    return 1 if other else 0


def _print(variant: Variant, problems: list[str], verdict: Verdict, seconds: float) -> None:
    figures = ", ".join(f"{name} {value}" for name, value in verdict.figures.items())
    how = f"{variant.workers} workers" + (f", then {variant.joining} more" if variant.joining else "")
    print(f"{variant.name} ({how}): {len(problems)} differences in {seconds:.0f} s; {figures}", flush=True)
    for problem in problems[:SHOWN]:
        print(f"    {problem}", flush=True)


def _slice(log: list[Record], number: int, slices: int) -> Iterable[Record]:
    """Return one slice of each partition of a log."""
    for partition in range(PARTITIONS):
        mine = [record for record in log if record.partition == partition]
        yield from mine[number * len(mine) // slices : (number + 1) * len(mine) // slices]


def _send(place: Installation, role: str, records: Iterable[Record]) -> None:
    producer = Producer({"bootstrap.servers": place.bootstrap, **ORDERED})
    for record in records:
        producer.produce(f"{place.prefix}{role}", record.value, key=record.key, partition=record.partition)
        producer.poll(0)
    if producer.flush(30):
        raise TimeoutError(f"{place.prefix}{role} could not be written")


if __name__ == "__main__":
    sys.exit(main())
