"""What a soak came to: as text, as one object; passed or not."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path

from load.soak.accounts import Account
from load.soak.feed import Fed
from load.soak.latency import Delay, Spread, apart, by_stretch, spread
from load.soak.sample import Sample
from load.soak.trend import Trend, judge, series_of

STRETCH_SECONDS = 300.0
SETTLING_SECONDS = 30.0
"""So long after a fault its effects on latency may last."""


@dataclass(frozen=True)
class Done:
    """A fault that was made: from when until when (seconds after the first event), and what it was."""

    name: str
    since_seconds: float
    until_seconds: float
    what: str


@dataclass
class Soak:
    """Everything that was found in a run."""

    about: str
    machine: str
    minutes: float
    per_second: float
    seed: int
    carried_per_second: float | None = None
    samples: list[Sample] = field(default_factory=list)
    faults: list[Done] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    fed: Fed | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def trends(self) -> list[Trend]:
        """Judge each series that was sampled."""
        return [judge(series) for series in series_of(self.samples)]

    @property
    def disturbed(self) -> list[tuple[float, float]]:
        """From when until when a fault may show in latencies."""
        return [(fault.since_seconds, fault.until_seconds + SETTLING_SECONDS) for fault in self.faults]

    @property
    def failures(self) -> list[str]:
        """Say why it did not pass; empty when it did."""
        return [*self.problems, *(str(trend) for trend in self.trends if trend.outcome == "grows")]


def text_of(soak: Soak) -> str:
    """Return the verdict as lines."""
    calm, rough = (spread(part) for part in apart(soak.delays, soak.disturbed))
    lines = [soak.about, soak.machine, "", "faults:"]
    lines += [f"  {_clock(f.since_seconds)} {f.name}: {f.what}" for f in soak.faults] or ["  none"]
    lines += ["", "growth:", *(f"  {trend}" for trend in soak.trends)]
    lines += ["", "produce call to alert, seconds:"]
    lines += [
        f"  from {_clock(s.since_seconds)}: p50 {s.p50_seconds:.2f}, p99 {s.p99_seconds:.2f}, {s.count} transitions"
        for s in by_stretch(soak.delays, STRETCH_SECONDS)
    ]
    lines += [f"  calm: p50 {calm.p50_seconds:.2f}, p99 {calm.p99_seconds:.2f}, {calm.count} transitions"]
    lines += [f"  faults: p50 {rough.p50_seconds:.2f}, p99 {rough.p99_seconds:.2f}, {rough.count} transitions"]
    lines += ["", "accounts:", *(f"  {account}" for account in soak.accounts)]
    if soak.fed is not None:
        median, high, most = soak.fed.late_seconds
        lines += [f"  sent late by {median:.3f} s (median), {high:.3f} (p99), {most:.3f} (most)"]
    lines += ["", *(f"FAILED: {failure}" for failure in soak.failures)]
    lines += ["failed" if soak.failures else "passed"]
    return "\n".join(lines)


def write(path: Path, soak: Soak) -> None:
    """Write everything as one object, samples as columns of a row each."""
    told = {
        "about": soak.about,
        "machine": soak.machine,
        "minutes": soak.minutes,
        "predictions_per_second": soak.per_second,
        "carried_per_second": soak.carried_per_second,
        "seed": soak.seed,
        "passed": not soak.failures,
        "failures": soak.failures,
        "faults": [dataclasses.asdict(fault) for fault in soak.faults],
        "trends": [dataclasses.asdict(trend) for trend in soak.trends],
        "latency": _latency(soak),
        "accounts": [dataclasses.asdict(account) for account in soak.accounts],
        "fed": soak.fed and dataclasses.asdict(soak.fed),
        "samples": [_row(sample) for sample in soak.samples],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_by_line(told), encoding="utf-8")


def _latency(soak: Soak) -> dict[str, object]:
    calm, rough = apart(soak.delays, soak.disturbed)
    return {
        "calm": _known(spread(calm)),
        "faults": _known(spread(rough)),
        "stretches": [_known(part) for part in by_stretch(soak.delays, STRETCH_SECONDS)],
        "delays": [[round(d.at_seconds, 2), round(d.seconds, 3), d.kind] for d in soak.delays],
    }


def _known(part: Spread) -> dict[str, float | None]:
    """Return a spread's figures; JSON has no NaN."""
    return {name: None if isnan(value) else value for name, value in dataclasses.asdict(part).items()}


def _row(sample: Sample) -> list[object]:
    """Return [seconds, unread, [keys, used, data], [[worker, pid, resident bytes, open files, CPU seconds], ...]]."""
    store = None if sample.store is None else list(dataclasses.astuple(sample.store))
    return [round(sample.at_seconds, 1), sample.unread, store, [list(dataclasses.astuple(w)) for w in sample.workers]]


def _by_line(told: dict[str, object]) -> str:
    """Return an object with a line for each field, and for each element of a list."""
    fields = []
    for name, value in told.items():
        text = json.dumps(value)
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            text = "[\n" + ",\n".join(f"  {json.dumps(element)}" for element in value) + "\n ]"
        fields.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
