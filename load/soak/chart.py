"""The run as one picture."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from load.soak.latency import by_stretch
from load.soak.sample import Sample
from load.soak.trend import MB, Series, series_of
from load.soak.verdict import STRETCH_SECONDS, Soak

FAULT = {"color": "0.75", "linewidth": 1.0, "linestyle": "--", "zorder": 0}


def draw(path: Path, soak: Soak) -> None:
    """Draw memory, Redis, open files, lag and latency over time, with a dashed line for each fault."""
    figure = Figure(figsize=(11, 13), layout="constrained")
    memory, store, files, lag, latency = figure.subplots(5, 1, sharex=True)
    figure.suptitle("\n".join([*wrap(soak.about, 120), soak.machine]), fontsize=9)
    series = list(series_of(soak.samples))
    _lines(memory, [s for s in series if s.measure == "resident memory"], MB, "resident, MB")
    _store(store, soak.samples)
    _lines(files, [s for s in series if s.measure == "open files"], 1, "open files")
    known = [(sample.at_seconds, sample.unread) for sample in soak.samples if sample.unread is not None]
    lag.plot([at / 60 for at, _ in known], [max(unread, 1) for _, unread in known], linewidth=0.8)
    lag.set_yscale("log")
    lag.set_ylabel("messages beyond\nthe last checkpoint")
    _latency(latency, soak)
    latency.set_xlabel("minutes; dashed: " + ", ".join(dict.fromkeys(fault.name for fault in soak.faults)))
    for axes in (memory, store, files, lag, latency):
        axes.grid(alpha=0.3)
        for fault in soak.faults:
            axes.axvline(fault.since_seconds / 60, **FAULT)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _lines(axes: Axes, series: Sequence[Series], scale: float, label: str) -> None:
    for one in series:
        axes.plot([at / 60 for at in one.at_seconds], [value / scale for value in one.values], label=one.subject)
    axes.set_ylim(0, 1.15 * max((max(one.values) for one in series), default=scale) / scale)
    axes.set_ylabel(label)
    axes.legend(fontsize=7, ncols=4, loc="lower right")


def _store(axes: Axes, samples: Sequence[Sample]) -> None:
    known = [(sample.at_seconds / 60, sample.store) for sample in samples if sample.store is not None]
    at = [minute for minute, _ in known]
    axes.plot(at, [store.used_bytes / MB for _, store in known], label="Redis, used")
    axes.plot(at, [store.dataset_bytes / MB for _, store in known], label="Redis, data")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("MB")
    axes.legend(fontsize=7, loc="lower right")
    keys = axes.twinx()
    keys.plot(at, [store.keys for _, store in known], color="tab:green", linewidth=0.8)
    keys.set_ylim(bottom=0)
    keys.set_ylabel("keys", color="tab:green")


def _latency(axes: Axes, soak: Soak) -> None:
    axes.plot([d.at_seconds / 60 for d in soak.delays], [d.seconds for d in soak.delays], ".", markersize=3, alpha=0.5)
    for part in by_stretch(soak.delays, STRETCH_SECONDS):
        ends = [part.since_seconds / 60, (part.since_seconds + STRETCH_SECONDS) / 60]
        axes.plot(ends, [part.p50_seconds] * 2, color="tab:blue")
        axes.plot(ends, [part.p99_seconds] * 2, color="tab:red")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("produce call to alert, s\n(blue p50, red p99)")
