"""What every row of the log must count as, worked out from the documents, one message at a time.

Per partition: the watermark is the greatest event time seen less ten seconds, or what a control record lifts it to; a
row older than the watermark before it is late, by more than an hour it is lost. The first prediction of an id counts.
A label belongs to a prediction that is at most ten seconds younger and at most the horizon older; of those of an age
the newest counts, by timestamp and then by offset.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from integration.end_to_end.scenario import CATEGORICAL, HORIZON_MS, HOUR, MODEL, NUMERIC, RUNGS_MS, SECOND, ZONE
from integration.end_to_end.topics import Record

LATENESS_MS, RETENTION_MS, SKEW_MS = 10 * SECOND, HOUR, 10 * SECOND


@dataclass
class Clock:
    """One partition's event time."""

    newest: int = -1
    floor: int = -1

    @property
    def watermark(self) -> int:
        """No on-time row below this is to come."""
        return max(self.newest - LATENESS_MS, self.floor, -1)


@dataclass
class Log:
    """A topic's rows that count, as (event, on time, partition, offset), and what became of the others."""

    rows: list[tuple[dict[str, Any], bool, int, int]] = field(default_factory=list)
    beyond_retention: int = 0
    watermarks: int = 0
    feedback: int = 0
    dead: list[Record] = field(default_factory=list)


def judge(records: Sequence[Record], bad: dict[bytes, str]) -> Log:
    """Judge every message of a topic by the watermark of its own partition before it."""
    clocks: dict[int, Clock] = {}
    log = Log()
    for record in records:
        clock = clocks.setdefault(record.partition, Clock())
        if record.value in bad:
            log.dead.append(record)
            continue
        event = json.loads(record.value)
        at_ms = event["timestamp_ms"]
        if event.get("type") == "watermark":
            clock.floor = max(clock.floor, at_ms)
            log.watermarks += 1
        elif event.get("type") == "feedback":
            log.feedback += 1
        else:
            if at_ms < clock.watermark - RETENTION_MS:
                log.beyond_retention += 1
            else:
                log.rows.append((event, at_ms >= clock.watermark, record.partition, record.offset))
            clock.newest = max(clock.newest, at_ms)
    return log


def predictions_frame(log: Log, model: str = MODEL) -> pd.DataFrame:
    """Return the predictions that count, scores in single precision; no repeat comes after the horizon here."""
    rows = []
    for event, on_time, partition, _ in log.rows:
        if event["model"] != model:
            continue
        features = event.get("features", {})
        rows.append({
            "id": event["prediction_id"], "ts": event["timestamp_ms"], "on_time": on_time, "partition": partition,
            "region": event.get("segments", {}).get("region"), "latency": event.get("latency_ms", np.nan),
            "error": "error" in event, "score": event.get("prediction"),
            **{name: features.get(name) for name in (*NUMERIC, *CATEGORICAL)},
        })  # fmt: skip
    frame = pd.DataFrame(rows).drop_duplicates("id", keep="first", ignore_index=True)
    frame["score"] = np.float32(frame["score"].astype(float)).astype(float)
    return frame.astype(dict.fromkeys((*NUMERIC, "latency"), float))


def with_days(frame: pd.DataFrame, zone: str = ZONE) -> pd.DataFrame:
    """Add the local day each row belongs to."""
    local = pd.to_datetime(frame["ts"], unit="ms", utc=True).dt.tz_convert(zone)
    return frame.assign(day=local.dt.normalize())


def outcomes(predictions: pd.DataFrame, labels: Log, *, on_time: bool, model: str = MODEL) -> dict[int, pd.Series]:
    """Return by label age the label that counts for each prediction, NaN without one (index: that of the predictions).

    With `on_time` only on-time labels of on-time predictions count: what decides; without, all: what revises.
    """
    asked = {row.id: row for row in predictions.itertuples() if row.on_time or not on_time}
    known: dict[str, list[tuple[int, int, str]]] = {}
    for event, punctual, _, offset in labels.rows:
        row = asked.get(event["prediction_id"])
        if row is None or event.get("model", model) != model or (on_time and not punctual):
            continue
        if -SKEW_MS <= event["timestamp_ms"] - row.ts <= HORIZON_MS:
            known.setdefault(row.id, []).append((event["timestamp_ms"], offset, event["label"]))
    found = {}
    for rung in RUNGS_MS:
        newest = {}
        for identity, facts in known.items():
            young = [fact for fact in facts if fact[0] - asked[identity].ts <= rung]
            if young:
                newest[identity] = max(young)[2]
        found[rung] = predictions["id"].map(newest)
    return found
