"""`tidegauge status`: models, shards, lag, watermark delay, pending labels, owners, what fires."""

import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from rich.table import Table

from stream.cli.options import ConfigOption, JsonOption, plain_console
from stream.config import load_settings
from tidegauge.subscribe.selection import EVERY_MODEL

if TYPE_CHECKING:
    from stream.cli.survey import ShardState, Survey
    from stream.monitor.alert_book import AlertKey


def status(config: ConfigOption = None, *, json: JsonOption = False) -> None:
    """Show what is watched, and how far the workers are."""
    # Imported here: SciPy's statistics take a second, which no other command should pay.
    from stream.cli.survey import survey  # noqa: PLC0415

    found = survey(load_settings(config))
    if json:
        sys.stdout.write(orjson.dumps(_plain(found)).decode() + "\n")
        return
    console = plain_console(soft_wrap=False)
    console.print(_models(found))
    for line in firing_beside(found.catalog.declared, found.firing):
        console.print(line)
    console.print(_shards(found, time.time_ns() // 1_000_000))
    for line in left_out(found.shards):
        console.print(line)
    console.print(f"profiles not yet judged: {sum(found.monitor_lag.values())} messages")
    console.print("workers: " + (", ".join(f"{group} {n}" for group, n in found.members.items()) or "unknown"))


def _models(found: "Survey") -> Table:
    table = Table("model", "task", "windows", "segments", "reference", "firing", title="models", title_justify="left")
    for name in found.catalog.models:
        definition = found.catalog.revisions(name)[-1].definition
        reference = found.catalog.reference_for(name)
        firing = sorted({key.kind for key in found.firing if key.model == name})
        table.add_row(
            name,
            definition.task,
            " ".join(definition.windows),
            " ".join(definition.segments) or "-",
            f"{reference.id[:8]} {_day(reference.start_ms)}..{_day(reference.end_ms)}" if reference else "learning",
            " ".join(firing) or "-",
        )
    return table


def firing_beside(declared: Collection[str], firing: Sequence["AlertKey"]) -> Iterator[str]:
    """Yield a line for each model that fires and has no row: one that nobody declared yet, or the watcher itself."""
    kinds: dict[str, set[str]] = {}
    for key in firing:
        if key.model not in declared:
            kinds.setdefault(key.model, set()).add(key.kind)
    for model, found in sorted(kinds.items()):
        who = "every model" if model == EVERY_MODEL else f"{model}, which nobody declared"
        yield f"firing, of {who}: {' '.join(sorted(found))}"


def _shards(found: "Survey", now_ms: int) -> Table:
    table = Table("shard", "owner", "lag", "newest event", "behind", "waiting for labels", "rows", "dead", "left out",
                  title="shards", title_justify="left")  # fmt: skip
    for shard in found.shards:
        newest = max(shard.meta.predictions_newest_ms, shard.meta.labels_newest_ms)
        counts = shard.counts.values()
        table.add_row(
            str(shard.shard),
            shard.owner,
            f"{sum(shard.lag.values()):,}",
            datetime.fromtimestamp(newest / 1000, UTC).isoformat(timespec="seconds") if newest > 0 else "-",
            f"{(now_ms - newest) / 1000:,.0f} s" if newest > 0 else "-",
            f"{shard.outstanding:,}",
            f"{sum(c.rows for c in counts):,}",
            f"{sum(sum(c.dead.values()) for c in counts):,}",
            f"{sum(sum(c.dropped.values()) for c in counts):,}",
        )
    return table


def left_out(shards: Sequence["ShardState"]) -> Iterator[str]:
    """Yield a line a topic that says which rows are in no window, and why: the most frequent reasons first."""
    for topic in sorted({topic for shard in shards for topic in shard.counts}):
        every = [shard.counts[topic] for shard in shards if topic in shard.counts]
        late = sum(counts.late for counts in every)
        reasons = sum((Counter(counts.dead) + Counter(counts.dropped) for counts in every), Counter[str]())
        reasons += Counter(late=late)
        if reasons:
            told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
            yield f"{topic}, rows that are late, left out or dead letters: {told}"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


def _plain(found: "Survey") -> dict[str, Any]:
    return {
        "models": list(found.catalog.models),
        "shards": [_plain_shard(shard) for shard in found.shards],
        "monitor_lag": {str(n): lag for n, lag in found.monitor_lag.items()},
        "firing": [key._asdict() for key in found.firing],
        "members": found.members,
    }


def _plain_shard(shard: "ShardState") -> dict[str, Any]:
    return {
        "shard": shard.shard,
        "owner": shard.owner,
        "epoch": shard.epoch,
        "seq": shard.seq,
        "lag": shard.lag,
        "predictions_newest_ms": shard.meta.predictions_newest_ms,
        "labels_newest_ms": shard.meta.labels_newest_ms,
        "outstanding": shard.outstanding,
        "counts": {topic: msgspec.structs.asdict(counts) for topic, counts in shard.counts.items()},
    }
