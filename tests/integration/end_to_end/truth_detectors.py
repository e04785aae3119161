"""Detectors and alerts as the documents describe them, one block at a time, with nothing shared with the product."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

SEVERITIES = ("info", "warning", "error", "critical")
K, CLIP, QUIET = 1.0, 3.0, 3


@dataclass
class Side:
    """One direction of a CUSUM."""

    sum: float = 0.0
    firing: bool = False
    quiet: int = 0
    onset: int | None = None

    def step(self, z: float, limit: float, at_ms: int) -> None:
        """Add a block: z - 1, never below 0; three blocks with z <= 1 end an episode, and its sum is 0."""
        before, self.sum = self.sum, max(0.0, self.sum + z - K)
        if before == 0 < self.sum and not self.firing:
            self.onset = at_ms
        if not self.firing:
            self.firing = self.sum > limit
            if self.sum == 0:
                self.onset = None
            return
        self.quiet = self.quiet + 1 if z <= K else 0
        if self.quiet == QUIET:
            self.sum, self.firing, self.quiet, self.onset = 0.0, False, 0, None


@dataclass
class Cusum:
    """Rises, and falls where they matter."""

    limit: float
    two_sided: bool = True
    rise: Side = field(default_factory=Side)
    fall: Side = field(default_factory=Side)

    def step(self, z: float, at_ms: int) -> None:
        """Add a block's value, clipped to three standard deviations; rounded to nine digits, as decisions are."""
        clipped = min(CLIP, max(-CLIP, round(z, 9)))
        self.rise.step(clipped, self.limit, at_ms)
        if self.two_sided:
            self.fall.step(-clipped, self.limit, at_ms)

    @property
    def value(self) -> float:
        """The larger sum."""
        return max(self.rise.sum, self.fall.sum)

    @property
    def firing(self) -> bool:
        """Whether an episode lasts."""
        return self.rise.firing or self.fall.firing

    @property
    def onset(self) -> int | None:
        """When the larger firing sum (else the larger one) last left 0."""
        sides = [side for side in (self.rise, self.fall) if side.firing] or [self.rise, self.fall]
        return max(sides, key=lambda side: side.sum).onset


@dataclass
class WindowTest:
    """Disjoint windows: enough in a row that exceed fire, one that clears resolves.

    With m healthy blocks a level alpha takes as many windows in a row as make (m + 1)**-windows <= alpha; one is enough
    at alpha squared, or where no blocks are asked (m = 0).
    """

    alpha: float
    blocks: int = 0
    firing: bool = False
    since_ms: int = 0
    streak: int = 0

    @property
    def wanted(self) -> int:
        """Windows in a row."""
        return next(n for n in range(1, 100) if not self.blocks or (self.blocks + 1.0) ** -n <= self.alpha)

    def step(self, start_ms: int, p_value: float, *, large: bool, clears: bool) -> None:
        """Take a window."""
        if self.firing:
            self.firing = not clears
        elif large and p_value <= self.alpha:
            self.streak += 1
            self.since_ms = start_ms if self.streak == 1 else self.since_ms
            self.firing = p_value <= self.alpha**2 or self.streak >= self.wanted
        else:
            self.streak = 0
        if not self.firing and clears:
            self.streak = 0


@dataclass(frozen=True)
class Found:
    """One thing that holds: what moved, by how much, in which window."""

    subject: str
    severity: str
    detector: str
    value: float
    threshold: float
    since_ms: int | None
    start_ms: int
    end_ms: int
    n: int
    coverage: float | None = None
    effects: tuple[tuple[str, float], ...] = ()

    @property
    def loudness(self) -> tuple[int, float]:
        """Severity, then how far beyond the threshold."""
        return SEVERITIES.index(self.severity), abs(self.value / self.threshold) if self.threshold else 0.0


@dataclass(frozen=True, order=True)
class Held:
    """From an instant on this is what holds in one scope of one alert; `family` orders what happens at one instant."""

    instant_ms: int
    family: int
    order: tuple[int, int]
    version: str
    segment: str
    kind: str
    scope: str
    found: tuple[Found, ...] = field(compare=False)


@dataclass(frozen=True)
class Transition:
    """An alert that begins, changes or ends."""

    version: str
    segment: str
    kind: str
    seq: int
    status: str
    severity: str
    started_ms: int
    decided_ms: int
    found: tuple[Found, ...]

    @property
    def key(self) -> tuple[Any, ...]:
        """What is compared first."""
        where = (self.kind, self.version, self.segment)
        return (*where, self.started_ms, self.seq, self.status, self.severity, self.decided_ms)


@dataclass
class Episode:
    """One alert: the scopes in which something holds, and what was told of it."""

    scopes: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    lasting: bool = False
    seq: int = 0
    severity: str = "info"
    started_ms: int = 0
    subjects: set[str] = field(default_factory=set)
    hidden_ms: int | None = None

    @property
    def firing(self) -> tuple[Found, ...]:
        """The loudest finding of each subject, loudest first."""
        best: dict[str, Found] = {}
        for scope in sorted(self.scopes):
            for found in self.scopes[scope]:
                if found.subject not in best or found.loudness > best[found.subject].loudness:
                    best[found.subject] = found
        return tuple(sorted(best.values(), key=lambda f: (-f.loudness[0], -f.loudness[1], f.subject)))


def transitions(held: Iterable[Held]) -> Iterator[Transition]:
    """Yield every transition: an alert begins with its first finding, changes with severity or subject, ends with none.

    A segment's alert does not begin while all rows fire for the same kind, nor within four windows after that: it must
    outlast them. Whether it does is asked whenever something of its family is decided.
    """
    episodes: dict[tuple[str, str, str], Episode] = {}
    families: dict[str, int] = {}
    for (instant_ms, family), group in groupby(sorted(held), key=lambda h: (h.instant_ms, h.family)):
        touched = set()
        for one in group:
            key = (one.version, one.kind, one.segment)
            episode = episodes.setdefault(key, Episode())
            families[one.kind] = family
            if one.found != episode.scopes.get(one.scope, ()):
                touched.add((one.version, one.kind))
            episode.scopes.pop(one.scope, None)
            if one.found:
                episode.scopes[one.scope] = one.found
        waiting = {key for key, e in episodes.items() if families[key[1]] == family and e.scopes and not e.lasting}
        fired = {key[:2] for key, episode in episodes.items() if not key[2] and episode.lasting}
        for key in sorted(key for key in episodes if key[:2] in touched or key in waiting):
            parent = episodes.get((*key[:2], ""))
            # An alert of all rows that ends now has told of its segments until now.
            all_rows_fire = bool(key[2]) and parent is not None and (parent.lasting or key[:2] in fired)
            yield from _settle(key, episodes[key], instant_ms, all_rows_fire=all_rows_fire)


def _settle(
    key: tuple[str, str, str], episode: Episode, instant_ms: int, *, all_rows_fire: bool
) -> Iterator[Transition]:
    firing = episode.firing
    if not episode.lasting:
        if not firing:
            return
        if all_rows_fire:
            episode.hidden_ms = instant_ms
        patience_ms = (QUIET + 1) * (firing[0].end_ms - firing[0].start_ms)
        if episode.hidden_ms is not None and instant_ms - episode.hidden_ms <= patience_ms:
            return
        episode.lasting, episode.seq, episode.subjects = True, 0, set()
        episode.started_ms = firing[0].end_ms
    elif firing and firing[0].severity == episode.severity and {f.subject for f in firing} <= episode.subjects:
        return
    episode.seq += 1
    if firing:
        episode.severity = firing[0].severity
        episode.subjects |= {f.subject for f in firing}
    else:
        episode.lasting, episode.hidden_ms = False, None
    status = "firing" if firing else "resolved"
    version, kind, segment = key
    yield Transition(
        version, segment, kind, episode.seq, status, episode.severity, episode.started_ms, instant_ms, firing
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values."""
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(ranked):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted
