"""Which label counts at which age: the outcomes of one prediction, in delta form by rung.

At rung r counts the newest label (timestamp, then offset) whose age is at most r. The part of rung r holds what it adds
to the rung before: +newest, and -the label it replaces; so merging the rungs up to r gives the state at r, exactly.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class LabelFact(NamedTuple):
    """One label of one prediction, in the order of (timestamp, position in the log); `age_ms` is its rung."""

    ts_ms: int
    position: int
    age_ms: int
    value: float
    late: bool


class Step(NamedTuple):
    """A label that counts in the part of rung `age_ms`, on time or late."""

    age_ms: int
    on_time: bool
    label: LabelFact


def steps(labels: Iterable[LabelFact], *, on_time: bool) -> Counter[Step]:
    """Net contributions of all labels of one prediction; `on_time` says whether the prediction was.

    The on-time parts see on-time labels of on-time predictions only; the late parts hold the difference to what all
    labels together say, so that merging both gives the revised truth.
    """
    known = sorted(labels)
    everything = _climb(known, on_time=False)
    if not on_time:
        return everything
    punctual = [label for label in known if not label.late]
    early = _climb(punctual, on_time=True)
    everything.subtract({Step(s.age_ms, False, s.label): n for s, n in early.items()})
    early.update(everything)
    return Counter({step: n for step, n in early.items() if n})


def changes(before: Counter[Step], after: Counter[Step]) -> list[tuple[Step, int]]:
    """Return what turns one set of contributions into another, as (step, +1 or -1 times), in a fixed order."""
    difference = Counter(after)
    difference.subtract(before)
    return sorted((step, n) for step, n in difference.items() if n)


def _climb(labels: list[LabelFact], *, on_time: bool) -> Counter[Step]:
    """Delta form of labels in their order: the newest of each rung, minus the one that counted before."""
    newest: dict[int, LabelFact] = {label.age_ms: label for label in labels}
    result: Counter[Step] = Counter()
    before: LabelFact | None = None
    for age_ms in sorted(newest):
        label = newest[age_ms]
        result[Step(age_ms, on_time, label)] += 1
        if before is not None:
            result[Step(age_ms, on_time, before)] -= 1
        before = label
    return result
