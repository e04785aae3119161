"""Every check of a definition beyond its shape; each problem names its key and what was expected."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from stream.model.checks import distinct, positive_duration, problem_of, window_problems
from stream.model.compiled import SCORE
from stream.model.monitor_validation import monitor_problems
from stream.model.part_windows import live_panes
from stream.model.problems import Problem, nearest
from stream.timeline.durations import parse_duration, parse_rate
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid

MAX_FEATURES = 512
MAX_SEGMENTS = 8
MAX_CLASSES = 256
MAX_LABEL_AGES = 8
MAX_WINDOWS = 8
MAX_NAME_LENGTH = 255
_SEASONS = ("1d", "1w")


def definition_problems(definition: Definition) -> list[Problem]:
    """Return everything that is wrong with a definition; [] when it can be compiled."""
    problems = [
        *_names(definition),
        *_task(definition),
        *_timezone(definition),
        *_durations(definition),
        *_reference(definition),
    ]
    # Windows and monitors cannot be checked sensibly against a wrong timezone or wrong ages.
    return problems or [*_windows(definition), *monitor_problems(definition)] or list(_panes(definition))


def grid_problems(definition: Definition, grids: Mapping[str, FeatureGrid]) -> list[Problem]:
    """Return what is wrong with grids: of the wrong type, unsorted edges, repeated categories."""
    problems = []
    score = "categorical" if definition.task == "multiclass" else "numeric"
    for name, grid in grids.items():
        key = f"grids.{name}"
        kind = "categorical" if isinstance(grid, CategoricalGrid) else "numeric"
        declared = score if name == SCORE else definition.features.get(name, kind)
        if kind != declared:
            problems.append(Problem(key, f"{kind}, but {name} is {declared}"))
        elif isinstance(grid, CategoricalGrid):
            if len(set(grid.vocabulary)) < len(grid.vocabulary):
                problems.append(Problem(key, "a category is listed twice"))
        elif not _rising(grid.edges):
            problems.append(Problem(key, "expected at least one edge, finite and strictly rising"))
    return problems


def _rising(edges: list[float]) -> bool:
    array = np.array(edges, dtype=np.float64)
    return bool(array.size and np.isfinite(array).all() and (np.diff(array) > 0).all())


def _names(definition: Definition) -> Iterator[Problem]:
    if not 0 < len(definition.model) <= MAX_NAME_LENGTH:
        yield Problem("model", f"expected a name of 1 to {MAX_NAME_LENGTH} characters")
    if len(definition.features) > MAX_FEATURES:
        yield Problem("features", f"{len(definition.features)} features; at most {MAX_FEATURES} are kept")
    if SCORE in definition.features:
        yield Problem(f"features.{SCORE}", "this name is the score's own; rename the feature")
    yield from distinct("segments", definition.segments, MAX_SEGMENTS)
    for index, name in enumerate(definition.segments):
        if not name or "=" in name:
            yield Problem(f"segments[{index}]", f"{name!r}: expected a name without '='")


def _task(definition: Definition) -> Iterator[Problem]:
    if definition.task == "multiclass":
        if len(definition.classes) < 2:
            yield Problem("classes", "a multiclass task lists its classes, at least 2")
        yield from distinct("classes", definition.classes, MAX_CLASSES)
    elif definition.classes:
        yield Problem("classes", f"only a multiclass task has classes, not task {definition.task}")
    if definition.positive is not None and definition.task != "binary":
        yield Problem("positive", f"only a binary task has a positive label, not task {definition.task}")
    if not 0 < definition.threshold < 1:
        yield Problem("threshold", f"{definition.threshold}: expected a probability between 0 and 1")


def _timezone(definition: Definition) -> Iterator[Problem]:
    name = definition.timezone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, available_timezones())
        yield Problem("timezone", f"{name!r}: expected an IANA name such as Europe/Berlin{hint}")


def _durations(definition: Definition) -> Iterator[Problem]:
    if definition.lateness is not None:
        yield from problem_of("lateness", parse_duration, definition.lateness)
    yield from problem_of("label_horizon", positive_duration, definition.label_horizon)
    for index, age in enumerate(definition.label_ages):
        yield from problem_of(f"label_ages[{index}]", positive_duration, age)
    yield from distinct("label_ages", definition.label_ages, MAX_LABEL_AGES)
    for name in ("page", "warn", "info"):
        yield from problem_of(f"false_alarms.{name}", parse_rate, getattr(definition.false_alarms, name))


def _reference(definition: Definition) -> Iterator[Problem]:
    spec = definition.reference
    given = [name for name in ("file", "learn", "trailing") if getattr(spec, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        yield Problem("reference", f"expected one of file, learn and trailing, found {found}")
    for name in ("learn", "trailing"):
        duration = getattr(spec, name)
        if duration is not None:
            yield from problem_of(f"reference.{name}", positive_duration, duration)
    if spec.season is not None and spec.season not in _SEASONS:
        yield Problem("reference.season", f"{spec.season!r}: expected one of {', '.join(_SEASONS)}")


def _windows(definition: Definition) -> Iterator[Problem]:
    if not definition.windows:
        yield Problem("windows", "expected at least one length, such as 1d")
    yield from distinct("windows", definition.windows, MAX_WINDOWS)
    yield from window_problems("windows", definition.windows, definition.timezone)


def _panes(definition: Definition) -> Iterator[Problem]:
    # A reference's panes are unions of these, so they need no check of their own.
    yield from problem_of("windows", live_panes, definition)
