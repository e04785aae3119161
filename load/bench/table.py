"""The table and the ratios, and the same as one object."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from load.bench.contestants import BY_NAME
from load.bench.result import Result
from load.peers.install import version_of

RATIOS = (
    ("d/b", "worker", "limit"),
    ("d/b'", "worker", "limit-default"),
    ("d'/b", "profiler", "limit"),
    ("d'/b'", "profiler", "limit-default"),
    ("c/d", "loop", "worker"),
    ("c'/d", "loop-numpy", "worker"),
    ("e/d Bytewax", "bytewax", "worker"),
    ("e/d Quix", "quix", "worker"),
    ("e/d Faust", "faust", "worker"),
    ("f/d Quix", "quix-durable", "worker"),
    ("f/d Faust", "faust-durable", "worker"),
)
ROLES = ("profiler", "librdkafka", "monitor", "other")


@dataclass(frozen=True)
class Row:
    """One contestant's repeats, summed up."""

    name: str
    results: Sequence[Result]

    @property
    def good(self) -> list[Result]:
        """Return the measurements that can be believed."""
        return [result for result in self.results if not result.problem]

    @property
    def cpu_us(self) -> float:
        """Median CPU microseconds per event; 0 when there is no measurement."""
        return median(result.cpu_us for result in self.good) if self.good else 0.0

    def object(self) -> dict[str, Any]:
        """Return the row for JSON."""
        contestant = BY_NAME[self.name]
        problems = [result.problem for result in self.results if result.problem]
        base = {
            "letter": contestant.letter,
            "title": contestant.title,
            "lacks": contestant.lacks,
            "measured": contestant.measured,
            "batch": contestant.batch,
            "collector": contestant.collector,
            "version": version_of(contestant.peer) if contestant.peer else version("tidegauge-worker"),
            "problems": problems,
        }
        if not self.good:
            return base
        cpu = [result.cpu_us for result in self.good]
        return {
            **base,
            "events": self.good[0].messages,
            "repeats": len(self.good),
            "cpu_us_per_event": {"median": median(cpu), "min": min(cpu), "max": max(cpu)},
            "events_per_second": median(result.per_second for result in self.good),
            "peak_rss_bytes": median(result.peak_rss_bytes for result in self.good),
            "cpu_us_by_role": {r: median(x.role_us(r) for x in self.good) for r in ROLES if self.good[0].by_role},
            **{name: median(result.more[name] for result in self.good) for name in self.good[0].more},
        }


def ratios(rows: Mapping[str, Row]) -> dict[str, float]:
    """Return the ratio of medians for each pair of which both were measured."""
    there = {name: row.cpu_us for name, row in rows.items() if row.cpu_us}
    return {text: there[top] / there[bottom] for text, top, bottom in RATIOS if top in there and bottom in there}


def machine() -> str:
    """Name processor, cores and Python, for whoever reads the figures later."""
    names = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    processor = names[0].split(":", 1)[1].strip() if names else platform.machine()
    return f"{len(names)} x {processor}, Python {platform.python_version()}"


def show(rows: Mapping[str, Row], about: str) -> None:
    """Print the table, then a line for what each lacks, then one for each ratio."""
    console = Console(highlight=False, width=max(Console().width, 200))
    table = Table(title=f"{about}\n{machine()}", title_justify="left", title_style="")
    for name, justify in (("", "left"), ("", "left"), ("CPU us/event", "right"), ("min-max", "right")):
        table.add_column(name, justify="left" if justify == "left" else "right", no_wrap=True)
    for name in ("events/s", "RSS MB", "events", "batch"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("collector", "CPU from - to"):
        table.add_column(name, no_wrap=True)
    for row in rows.values():
        _add(table, row)
    console.print(table)
    console.print("What each lacks, against the worker:")
    for row in rows.values():
        _tell(console, row)
    for text, value in ratios(rows).items():
        console.print(f"{text} = {value:.2f}")


def _add(table: Table, row: Row) -> None:
    told = row.object()
    title = f"{told['title']}" + (f" ({told['version']})" if BY_NAME[row.name].peer else "")
    if not row.good:
        table.add_row(told["letter"], title, *["-"] * 8)
        return
    cpu = told["cpu_us_per_event"]
    table.add_row(
        told["letter"],
        title,
        f"{cpu['median']:.2f}",
        f"{cpu['min']:.2f}-{cpu['max']:.2f}",
        f"{told['events_per_second']:,.0f}",
        f"{told['peak_rss_bytes'] / 1e6:.0f}",
        f"{told['events']:,}",
        f"{told['batch']:,}",
        told["collector"],
        told["measured"],
    )
    for role, used in told["cpu_us_by_role"].items():
        table.add_row("", f"  of it {role}", f"{used:.2f}")


def _tell(console: Console, row: Row) -> None:
    """Say what a contestant lacks, and why it was not measured, where that is so."""
    told = row.object()
    if told["lacks"]:
        console.print(f"{told['letter']} {told['title']}: {told['lacks']}")
    for problem in dict.fromkeys(told["problems"]):
        console.print(f"{told['letter']} {told['title']}: NOT MEASURED: {problem}")


def write(path: Path, rows: Mapping[str, Row], about: str) -> None:
    """Write everything as one object."""
    told = {
        "about": about,
        "machine": machine(),
        "rows": {name: row.object() for name, row in rows.items()},
        "ratios": ratios(rows),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
