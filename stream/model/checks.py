"""Checks that definitions, their monitors and their lists share; each yields problems of one key."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from stream.model.problems import Problem
from stream.timeline.durations import parse_duration
from stream.timeline.windows import WindowScheme


def problem_of(key: str, check: Callable[..., object], *arguments: object) -> Iterator[Problem]:
    """Yield the ValueError that `check(*arguments)` raises as a problem of `key`."""
    try:
        check(*arguments)
    except ValueError as error:
        yield Problem(key, str(error))


def positive_duration(text: str) -> int:
    """Return a duration in milliseconds; raises ValueError for zero too."""
    duration_ms = parse_duration(text)
    if duration_ms == 0:
        raise ValueError(f"{text!r}: expected a duration above zero")
    return duration_ms


def window_problems(key: str, lengths: Iterable[str], timezone: str) -> Iterator[Problem]:
    """Yield a problem for each length that is no window's."""
    for index, length in enumerate(lengths):
        yield from problem_of(f"{key}[{index}]", WindowScheme, length, timezone)


def distinct(key: str, values: Sequence[str], limit: int) -> Iterator[Problem]:
    """Yield problems of a list that is too long or repeats itself."""
    if len(values) > limit:
        yield Problem(key, f"{len(values)} entries; at most {limit}")
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        yield Problem(key, f"listed twice: {', '.join(repeated)}")
