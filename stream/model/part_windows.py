"""Which windows read which part of a profile, and the widest panes that serve them all."""

import math
from collections.abc import Iterable, Sequence

from stream.model.compiled import PaneSchemes, PartName
from stream.timeline.durations import format_duration
from stream.timeline.panes import EpochPanes, LocalDayPanes, PaneScheme, midnight_alignment_ms
from stream.timeline.windows import MIN_HOP_MS, WindowScheme
from tidegauge.definition import (
    CalibrationMonitor,
    CoverageMonitor,
    Definition,
    DriftMonitor,
    ErrorsMonitor,
    LatencyMonitor,
    PerformanceMonitor,
    TrafficMonitor,
)

BURN_RATE_PAIRS = (("1h", "5m"), ("6h", "30m"))
"""Paired windows of latency and errors: the long one says it matters, the short one that it still goes on."""

_BURN_RATE_WINDOWS = tuple(length for pair in BURN_RATE_PAIRS for length in pair)
_INPUTS_READERS = (DriftMonitor, PerformanceMonitor, CalibrationMonitor, CoverageMonitor)
_OUTCOME_READERS = (PerformanceMonitor, CalibrationMonitor, CoverageMonitor)


def lengths_by_part(definition: Definition) -> dict[PartName, tuple[str, ...]]:
    """Return the window lengths that read each part, without repeats, in the order they are named.

    Outcome monitors read the inputs too: coverage needs the number of predictions, an alert the drift beside it.
    """
    inputs = _named(definition, _INPUTS_READERS)
    outcome = _named(definition, _OUTCOME_READERS)
    service = [*_named(definition, (TrafficMonitor,)), *_burning(definition)]
    everything = definition.windows
    return {
        "inputs": _unique(inputs or everything),
        "sample": _unique(inputs or everything),
        "service": _unique(service or everything),
        "outcome": _unique(outcome or everything),
    }


def windows_by_part(definition: Definition) -> dict[PartName, tuple[WindowScheme, ...]]:
    """Return the windows that read each part; raises ValueError for a length that is no window's."""
    timezone = definition.timezone
    return {
        part: tuple(WindowScheme(length, timezone) for length in lengths)
        for part, lengths in lengths_by_part(definition).items()
    }


def live_panes(definition: Definition) -> PaneSchemes:
    """Return the widest panes that every hop of every window that reads the part is a union of.

    Those of the service part are never of days. Where any part's are, panes of all parts begin at midnight: elsewhere
    no change could take effect, and those of two hours and days of Kolkata, which begin at 18:30 UTC, never meet.
    """
    schemes = {part: [w.pane_scheme for w in read] for part, read in windows_by_part(definition).items()}
    days = {scheme for read in schemes.values() for scheme in read if isinstance(scheme, LocalDayPanes)}
    panes = {part: _common([*read, *days], definition.timezone) for part, read in schemes.items()}
    return PaneSchemes(panes["inputs"], _telling(panes["service"]), panes["outcome"])


def reference_panes(definition: Definition) -> PaneSchemes:
    """Return the widest panes that every disjoint block of a reference is a union of.

    Burn rates are judged against a budget, so a month of five-minute service panes would be kept for nothing.
    """
    timezone = definition.timezone
    lengths = lengths_by_part(definition)
    traffic = _unique(_named(definition, (TrafficMonitor,)) or definition.windows)
    inputs, service, outcome = (
        _common([WindowScheme(length, timezone).block_scheme for length in names], timezone)
        for names in (lengths["inputs"], traffic, lengths["outcome"])
    )
    return PaneSchemes(inputs, service, outcome)


def _common(schemes: Sequence[PaneScheme], timezone: str) -> PaneScheme:
    """Return the widest panes that all of `schemes` are unions of; raises ValueError below the floor of 10 s."""
    widths = [scheme.width_ms for scheme in schemes if isinstance(scheme, EpochPanes)]
    if not widths:
        return LocalDayPanes(timezone)
    if len(widths) < len(schemes):
        widths.append(midnight_alignment_ms(timezone))
    width_ms = math.gcd(*widths)
    if width_ms < MIN_HOP_MS:
        raise ValueError(
            f"windows that hop {', '.join(map(format_duration, sorted(set(widths))))} share only panes of "
            f"{format_duration(width_ms)}, below the least of {format_duration(MIN_HOP_MS)}: "
            "choose lengths that divide each other"
        )
    return EpochPanes(width_ms)


def _telling(service: PaneScheme) -> PaneScheme:
    """Return service panes that tell when in a day a model or a version came or went; they are small, and short-lived.

    By panes of days whoever came in the evening was there all day, and would be compared with whole days.
    """
    return EpochPanes(midnight_alignment_ms(service.timezone)) if isinstance(service, LocalDayPanes) else service


def _named(definition: Definition, kinds: tuple[type, ...]) -> list[str]:
    readers = [monitor for monitor in definition.monitors if isinstance(monitor, kinds)]
    return [length for monitor in readers for length in (monitor.windows or definition.windows)]


def _burning(definition: Definition) -> list[str]:
    readers = [monitor for monitor in definition.monitors if isinstance(monitor, LatencyMonitor | ErrorsMonitor)]
    return [length for monitor in readers for length in (monitor.windows or _BURN_RATE_WINDOWS)]


def _unique(lengths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lengths))
