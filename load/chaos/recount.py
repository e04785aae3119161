"""A second opinion, written plainly: one event at a time, by the rules' own words, with none of the product's code.

The recomputation uses the product's core, so a mistake in the core would be in both. This counts, for each shard, what
can be counted with a dictionary: the predictions that count, and how many of them have a label that belongs to them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from load.chaos.model import HORIZON_MS, MINUTE_MS, MODELS, SECOND_MS
from load.chaos.topics import Log

LATENESS_MS, SKEW_MS, RETENTION_MS = 10 * SECOND_MS, 10 * SECOND_MS, 5 * MINUTE_MS


@dataclass(frozen=True)
class Recount:
    """One shard: predictions that count, and those of them with a label (matched); the others never got one."""

    accepted: int
    matched: int


def recount(log: Log, shard: int) -> Recount:
    """Count one shard's predictions and joins."""
    firsts: dict[tuple[str, str, str], list[int]] = {}
    for event, at_ms in _counting(log, "predictions", shard):
        known = firsts.setdefault((event["model"], event.get("version", ""), event["prediction_id"]), [])
        if not any(abs(at_ms - first_ms) <= HORIZON_MS for first_ms in known):
            known.append(at_ms)
    labels: dict[tuple[str, str], list[int]] = {}
    for event, at_ms in _counting(log, "labels", shard):
        labels.setdefault((event["model"], event["prediction_id"]), []).append(at_ms)
    predictions = [(model, name, at_ms) for (model, _, name), known in firsts.items() for at_ms in known]
    matched = sum(
        any(at_ms - SKEW_MS <= label_ms <= at_ms + HORIZON_MS for label_ms in labels.get((model, name), ()))
        for model, name, at_ms in predictions
    )
    return Recount(len(predictions), matched)


def _counting(log: Log, role: str, shard: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the rows that are not too late for anything, each with its event time."""
    batch = log.batches[role, shard]
    newest_ms = floor_ms = -1
    for broker_ms, value in zip(batch.broker_ms, batch.values, strict=True):
        event = _read(value)
        if event is None:
            continue
        if event.get("type") == "watermark":
            floor_ms = max(floor_ms, event["timestamp_ms"])
            continue
        at_ms = event["timestamp_ms"] if broker_ms < 0 else min(event["timestamp_ms"], broker_ms + SKEW_MS)
        if at_ms >= max(newest_ms - LATENESS_MS, floor_ms, -1) - RETENTION_MS:
            yield event, at_ms
        newest_ms = max(newest_ms, at_ms)


def _read(value: bytes | None) -> dict[str, Any] | None:
    """Return a message; None for one of those that the services send for nobody to read."""
    try:
        event = json.loads(value or b"", parse_constant=_refuse)
    except ValueError:
        return None
    good = isinstance(event, dict) and (event.get("type") == "watermark" or _is_ours(event))
    return event if good else None


def _is_ours(event: dict[str, Any]) -> bool:
    named = event.get("model") in MODELS and isinstance(event.get("prediction_id"), str)
    return named and isinstance(event.get("timestamp_ms"), int) and len(event.get("features", ())) < 100


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
