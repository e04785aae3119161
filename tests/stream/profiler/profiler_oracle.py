"""What a shard must answer, written plainly: one event at a time, whole logs, every rule by its definition."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

LATENESS, RETENTION, SKEW = 10_000, 1_800_000, 10_000
HORIZON = 7_200_000
RUNGS = (600_000, 3_600_000, HORIZON)
INPUTS_PANE = 600_000

Event = dict[str, Any]
Cell = tuple[object, ...]


@dataclass
class Fact:
    """A prediction that counts, with every label that ever matched it."""

    row: Event
    ts: int
    on_time: bool
    labels: list[tuple[int, int, str, bool]] = field(default_factory=list)


def judge(log: list[Event]) -> tuple[list[tuple[Event, int, bool, int]], int]:
    """(event, ts, on_time, offset) of every row that counts, and how many came too late for anything."""
    newest = floor = -1
    kept, beyond = [], 0
    for offset, event in enumerate(log):
        if event.get("type") == "watermark":
            floor = max(floor, event["timestamp_ms"])
            continue
        ts = (
            min(event["timestamp_ms"], event["broker_ms"] + LATENESS)
            if event["broker_ms"] >= 0
            else event["timestamp_ms"]
        )
        watermark = max(newest - LATENESS, floor, -1)
        if ts >= watermark - RETENTION:
            kept.append((event, ts, ts >= watermark, offset))
        else:
            beyond += 1
        newest = max(newest, ts)
    return kept, beyond


def facts(predictions: list[Event], labels: list[Event]) -> tuple[list[Fact], dict[str, int]]:
    """Predictions without their repeats, with their labels; also the counts of rows left out."""
    rows, beyond = judge(predictions)
    seen = defaultdict(list)
    known: list[Fact] = []
    duplicates = 0
    for event, ts, on_time, _ in rows:
        firsts = seen[event["model"], event.get("version", ""), event["prediction_id"]]
        if any(abs(ts - first) <= HORIZON for first in firsts):
            duplicates += 1
            continue
        firsts.append(ts)
        known.append(Fact(event, ts, on_time))
    for event, ts, on_time, offset in judge(labels)[0]:
        for fact in known:
            same = event["prediction_id"] == fact.row["prediction_id"]
            named = event.get("model", "") in {"", fact.row["model"]}
            if same and named and fact.ts <= ts + SKEW and ts <= fact.ts + HORIZON:
                fact.labels.append((ts, offset, event["label"], on_time))
    return known, {"late_beyond_retention": beyond, "duplicate": duplicates}


def newest_label(fact: Fact, rung: int, *, only_on_time: bool) -> str | None:
    """The label that counts at a rung, by definition; None without one."""
    if only_on_time and not fact.on_time:
        return None
    old_enough = [x for x in fact.labels if x[0] - fact.ts <= rung and (x[3] or not only_on_time)]
    return max(old_enough, key=lambda x: (x[0], x[1]))[2] if old_enough else None


def truth(known: list[Fact], rung: int, *, only_on_time: bool) -> dict[Cell, list[float]]:
    """(model, version, segment, pane start) -> [labelled, positives, sum of scores] at a rung."""
    out = defaultdict(lambda: [0, 0, 0.0])
    for fact in known:
        label = newest_label(fact, rung, only_on_time=only_on_time)
        if label is None:
            continue
        for segment in segments(fact.row):
            cell = out[fact.row["model"], fact.row.get("version", ""), segment, fact.ts // INPUTS_PANE * INPUTS_PANE]
            cell[0] += 1
            cell[1] += label == "late"
            cell[2] += fact.row["prediction"]
    return dict(out)


def volumes(known: list[Fact]) -> dict[Cell, list[float]]:
    """(model, version, segment, pane start, on time) -> [rows, sum of scores, missing temperatures]."""
    out = defaultdict(lambda: [0, 0.0, 0])
    for fact in known:
        for segment in segments(fact.row):
            start = fact.ts // INPUTS_PANE * INPUTS_PANE
            cell = out[fact.row["model"], fact.row.get("version", ""), segment, start, fact.on_time]
            cell[0] += 1
            cell[1] += fact.row["prediction"]
            cell[2] += fact.row["features"].get("temp") is None
    return dict(out)


def segments(row: Event) -> list[str]:
    """All rows, and the origin's."""
    origin = row.get("segments", {}).get("origin")
    return ["", f"origin={origin}"] if origin else [""]
