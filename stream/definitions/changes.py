"""What a change changes, in words."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from stream.definitions.chain import ModelHistory
from stream.definitions.plan import Change, Proposal
from stream.model.compiled import ALWAYS_MS
from stream.model.reference import Reference
from tidegauge.definition import Definition, FeatureGrid, Monitor


def changes_text(history: ModelHistory, proposal: Proposal, change: Change) -> tuple[str, ...]:
    """Return one line per thing that changes, then from when it does, or that nothing does; then the notes."""
    lines = list(_lines(history, proposal, change)) or [f"{proposal.model}: nothing changes"]
    return (*lines, *(f"{proposal.model}: note: {note}" for note in proposal.notes))


def _lines(history: ModelHistory, proposal: Proposal, change: Change) -> Iterator[str]:
    model, timezone = proposal.model, proposal.definition.timezone
    newest = history.newest
    if change.definition_from_ms is not None:
        if newest is None:
            yield f"{model}: new, {len(proposal.definition.monitors)} monitors"
        else:
            yield from (f"{model}: {line}" for line in definition_changes(newest.definition, proposal.definition))
        yield from (f"{model}: {line}" for line in grid_changes(newest.grids if newest else {}, proposal.grids))
        yield f"{model}: definition holds from {instant_text(change.definition_from_ms, timezone)}"
    if change.reference_from_ms is not None and proposal.reference is not None:
        yield f"{model}: reference {reference_text(proposal.reference, timezone)}"
        yield f"{model}: reference holds from {instant_text(change.reference_from_ms, timezone)}"


def definition_changes(before: Definition, after: Definition) -> Iterator[str]:
    """Yield a line for each key that differs: `- windows: 1d` and `+ windows: 1d, 7d`."""
    old, new = _keys(before), _keys(after)
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            if key in old:
                yield f"- {key}: {old[key]}"
            if key in new:
                yield f"+ {key}: {new[key]}"
    was, now = (list(map(monitor_text, definition.monitors)) for definition in (before, after))
    yield from (f"- monitor {text}" for text in was if text not in now)
    yield from (f"+ monitor {text}" for text in now if text not in was)


def grid_changes(before: Mapping[str, FeatureGrid], after: Mapping[str, FeatureGrid]) -> Iterator[str]:
    """Yield lines on grids that are made, made anew or left to be learnt."""
    if not after:
        yield "grids and types of features are learnt from the first whole day"
    new = sorted(name for name in after if name not in before)
    other = sorted(name for name in after if name in before and after[name] != before[name])
    if new:
        yield f"{len(new)} new grids: {_some(new)}"
    if other:
        yield f"{len(other)} other grids: {_some(other)}; their windows begin again"


def monitor_text(monitor: Monitor) -> str:
    """Return a monitor as the file has it, defaults left out: `performance {metric: log_loss, drop: 0.05}`."""
    kind = type(monitor)
    defaults, given = msgspec.to_builtins(kind()), msgspec.to_builtins(monitor)
    settings = ", ".join(f"{k}: {_value(v)}" for k, v in given.items() if v != defaults[k])
    return f"{kind.__struct_config__.tag} {{{settings}}}"


def instant_text(instant_ms: int, timezone: str) -> str:
    """Return an event time in the model's time zone."""
    if instant_ms <= ALWAYS_MS:
        return "the first event on"
    at = dt.datetime.fromtimestamp(instant_ms / 1000, tz=ZoneInfo(timezone))
    return f"{at:%Y-%m-%d %H:%M:%S %Z} (event time)"


def reference_text(reference: Reference, timezone: str) -> str:
    """Return what a reference is: id, source, days, and whether the model was trained on it."""
    zone = ZoneInfo(timezone)
    days = [dt.datetime.fromtimestamp(ms / 1000, tz=zone) for ms in (reference.start_ms, reference.end_ms - 1)]
    trained = "held out" if reference.held_out else "in sample: no baseline of performance"
    source = f" from {reference.source}" if reference.source else ""
    return f"{reference.id}{source}, {days[0]:%Y-%m-%d} to {days[1]:%Y-%m-%d}, {trained}"


def _keys(definition: Definition) -> dict[str, str]:
    plain: dict[str, Any] = msgspec.to_builtins(definition)
    plain.pop("monitors")
    flat: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{name}": _value(item) for name, item in value.items() if item is not None})
        elif value is not None:
            flat[key] = _value(value)
    return flat


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


def _some(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
