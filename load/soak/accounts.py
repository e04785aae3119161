"""Every event accounted for: what shards counted, in their last checkpoints, against what was sent."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from load.chaos.installation import PARTITIONS
from stream.checkpoint import ShardName
from stream.profiler.counts import TopicCounts
from stream.profiler.state import Meta, decode_meta

ROLES = ("predictions", "labels")


@dataclass(frozen=True)
class Account:
    """One topic: rows sent, rows counted, and what became of those that were not accepted."""

    role: str
    sent: int
    accepted: int
    late: int
    not_accepted: dict[str, int]

    def __str__(self) -> str:
        """Return it in a line."""
        others = ", ".join(f"{reason} {count:,}" for reason, count in self.not_accepted.items())
        text = f"{self.role}: {self.sent:,} sent, {self.accepted:,} accepted ({self.late:,} of them late)"
        return f"{text}; {others}" if others else text


def read_metas(client: Redis, prefix: str) -> list[Meta]:
    """Read each shard's counters."""
    names = (ShardName(prefix, "profiler", shard) for shard in range(PARTITIONS))
    return [decode_meta(client.hgetall(name.fields)) for name in names]  # type: ignore[arg-type]  # all bytes


def accounts(metas: Sequence[Meta], sent: Mapping[str, int]) -> list[Account]:
    """Sum the shards up."""
    found = []
    for role in ROLES:
        counts = [_counts(meta, role) for meta in metas]
        others: Counter[str] = Counter()
        for count in counts:
            others.update(count.dead)
            others.update(count.dropped)
        accepted, late = sum(c.accepted for c in counts), sum(c.late for c in counts)
        found.append(Account(role, sent[role], accepted, late, dict(others)))
    return found


def shortcomings(metas: Sequence[Meta], sent: Mapping[str, int]) -> Iterator[str]:
    """Say what does not add up: each partition's log, each topic's rows."""
    for shard, meta in enumerate(metas):
        for role in ROLES:
            counts = _counts(meta, role)
            if not counts.balanced():
                yield f"{role} {shard}: the counters do not add up to {counts.rows} rows: {counts}"
            if counts.messages != counts.rows + counts.watermarks or counts.gaps:
                yield f"{role} {shard}: {counts.messages} messages and {counts.gaps} gaps for {counts.rows} rows"
    for account in accounts(metas, sent):
        if account.accepted != account.sent:
            yield str(account)


def _counts(meta: Meta, role: str) -> TopicCounts:
    counts: TopicCounts = getattr(meta, role)
    return counts
