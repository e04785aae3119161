"""What came out against what had to: each difference is one line; no line, no difference."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from load.chaos.oracle import Expected
from load.chaos.recount import recount
from load.chaos.topics import Log, Named, Published
from stream.parts.inputs import InputsPart
from stream.parts.outcome import OutcomePart
from stream.parts.part import load_part
from stream.profiler.counts import TopicCounts
from stream.profiler.shard import ShardCore
from stream.profiler.state import decode_meta, stored_parts
from tidegauge import Alert, Report

RELATIVE = 1e-9
EMPTY_OUTCOME = OutcomePart("binary", 0.5, 0).snapshot()
COUNTED = ("messages", "gaps", "watermarks", "rows", "accepted", "late", "clamped", "dead", "dropped", "noted")
Fields = Mapping[int, Mapping[bytes, bytes]]


def rows(log: Log, stored: Fields, expected: Expected) -> Iterator[str]:
    """Check that every message and every row is accounted for, and joined, as in the recomputation."""
    for shard, core in expected.cores.items():
        meta = decode_meta(stored[shard])
        for role in ("predictions", "labels"):
            counts: TopicCounts = getattr(meta, role)
            end = len(log.batches[role, shard].offsets)
            if counts.messages + counts.gaps != end:
                yield f"{role} {shard}: {counts.messages} messages + {counts.gaps} gaps are not {end} offsets"
            if not counts.balanced():
                yield f"{role} {shard}: the counters do not add up to {counts.rows} rows: {counts}"
            yield from _differences(f"{role} {shard}", counts, core.counts[role], COUNTED)
        told, wanted = (meta.joined, meta.unmatched), (core.memory.joiner.joined, core.memory.unmatched)
        if told != wanted:
            yield f"shard {shard}: labels joined and never matched are {told}, expected {wanted}"


def profiles(published: Published, stored: Fields, expected: Expected) -> Iterator[str]:
    """Check the newest published profile of every key, and what the store still holds of them."""
    wanted = _told(expected.bodies)
    told = _told({name: profile.body for name, profile in published.newest.items()})
    yield from _alike("profile", told, wanted)
    held = _told({(shard, key): body for shard, fields in stored.items() for key, body in stored_parts(fields)})
    yield from _alike("stored part", held, {name: wanted[name] for name in held if name in wanted})


def reports(published: Published, expected: Expected) -> Iterator[str]:
    """Check the reports as they were decided, and as late rows left them in the end."""
    for name, choose in (("decided report", _decided), ("final report", _final)):
        yield from _alike_values(name, choose(published.reports), choose(expected.reports))


def alerts(published: Published, heard: list[Alert], expected: Expected) -> Iterator[str]:
    """Check each transition: at least once in the topic, exactly once after AlertStream, none unexpected."""
    yield from transitions(published, expected)
    counts = Counter((alert.alert_id, alert.seq) for alert in heard)
    yield from (f"alert {key} was handed out {n} times by AlertStream" for key, n in counts.items() if n > 1)
    yield from (f"alert {key} was not handed out by AlertStream" for key in expected.alerts.keys() - counts.keys())


def transitions(published: Published, expected: Expected) -> Iterator[str]:
    """Check each transition in the topic: there, as it must be, in one version, and none unexpected."""
    told: dict[Any, Alert] = {}
    for alert in published.alerts:
        before = told.setdefault((alert.alert_id, alert.seq), alert)
        if not _close(before, alert):
            yield f"alert {alert.alert_id} seq {alert.seq} was told in two versions"
    yield from _alike_values("alert", told, expected.alerts)


def dead_letters(published: Published, expected: Expected) -> Iterator[str]:
    """Check that each message nobody can read was buried at least once, and no other was."""
    wanted = {(letter.role, letter.partition, letter.offset) for letter in expected.dead}
    yield from (f"no dead letter for {where}" for where in sorted(wanted - published.dead.keys()))
    yield from (f"a dead letter for {where}, which can be read" for where in sorted(published.dead.keys() - wanted))


def joins(log: Log, stored: Fields, expected: Expected) -> Iterator[str]:
    """Check predictions = matched + those without a label, by a count that shares no code with the product."""
    for shard, core in expected.cores.items():
        plain = recount(log, shard)
        told = (decode_meta(stored[shard]).predictions.accepted, _labelled(core))
        if told != (plain.accepted, plain.matched):
            yield f"shard {shard}: predictions and those with a label are {told}, counted plainly {plain}"


def _labelled(core: ShardCore) -> int:
    keys = [key for key in core.store if key.part == "outcome" and not key.segment]
    parts = [load_part(key.part, core.store.snapshot(key)) for key in keys]
    return sum(part.labelled for part in parts if isinstance(part, OutcomePart))


def _told(bodies: Mapping[Named, bytes]) -> dict[Named, tuple[bytes, NDArray[np.float64]]]:
    """Split each body into what must be equal bit by bit, and float moments; leave out parts that hold nothing."""
    return {name: _split(name[1].part, body) for name, body in bodies.items() if body != EMPTY_OUTCOME}


def _split(part: str, body: bytes) -> tuple[bytes, NDArray[np.float64]]:
    loaded = load_part(part, body)
    if not isinstance(loaded, InputsPart):
        return body, np.empty(0)
    moments = loaded.moments
    values = np.concatenate([moments.n, moments.mean, moments.m2, moments.low, moments.high])
    loaded.moments = type(moments)(moments.features)
    return loaded.snapshot(), values


def _alike(what: str, found: Mapping[Named, Any], wanted: Mapping[Named, Any]) -> Iterator[str]:
    for name in sorted(wanted.keys() - found.keys()):
        yield f"{what} missing: {name}"
    for name in sorted(found.keys() - wanted.keys()):
        yield f"{what} unexpected: {name}"
    for name in sorted(found.keys() & wanted.keys()):
        (body, floats), (right, right_floats) = found[name], wanted[name]
        if body != right:
            yield f"{what} differs: {name}"
        elif not np.allclose(floats, right_floats, rtol=RELATIVE, atol=RELATIVE, equal_nan=True):
            yield f"{what} has other moments: {name}"


def _alike_values(what: str, found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> Iterator[str]:
    yield from (f"{what} missing: {key}" for key in sorted(wanted.keys() - found.keys()))
    yield from (f"{what} unexpected: {key}" for key in sorted(found.keys() - wanted.keys()))
    for key in sorted(found.keys() & wanted.keys()):
        if not _close(found[key], wanted[key]):
            names = [
                n for n in wanted[key].__struct_fields__ if not _close(getattr(found[key], n), getattr(wanted[key], n))
            ]
            yield f"{what} differs: {key} in {', '.join(names)}"


def _key(report: Report) -> tuple[object, ...]:
    return (report.model, report.version, report.segment, report.part, report.window.length, report.window.end_ms,
            report.age_ms)  # fmt: skip


def _decided(found: list[Report]) -> dict[tuple[object, ...], Report]:
    """Return reports as decided, without how many late rows were known by then."""
    return {_key(r): msgspec.structs.replace(r, n_late=0) for r in found if r.revision == 0}


def _final(found: list[Report]) -> dict[tuple[object, ...], Report]:
    """Return reports after their last revision, without how many it took."""
    ordered = sorted(found, key=lambda report: report.revision)
    return {_key(r): msgspec.structs.replace(r, revision=0) for r in ordered}


def _close(one: Any, other: Any) -> bool:
    """Whether two values are the same, but for the last digits of floats (JSON and merge order)."""
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=RELATIVE, atol=1e-12, equal_nan=True))
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        return all(_close(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    return bool(one == other)


def _differences(where: str, found: object, wanted: object, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        one, other = getattr(found, name), getattr(wanted, name)
        if one != other:
            yield f"{where}: {name} is {one}, expected {other}"
