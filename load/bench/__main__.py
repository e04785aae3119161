"""`make bench`: `python -m load.bench`."""

import argparse
import sys
import tempfile
from pathlib import Path

from load.bench.contestants import BY_NAME, CONTESTANTS
from load.bench.run import Plan, run_all
from load.bench.table import show, write
from load.servers import servers


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if unknown := [name for name in names if name not in BY_NAME]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return names


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(prog="load.bench", description="CPU per event, on a real Kafka and a real Redis.")
    parser.add_argument("--events", type=int, default=300_000, help="predictions, with a label each")
    parser.add_argument("--repeats", type=int, default=3, help="interleaved; medians are shown")
    parser.add_argument("--only", type=_names, default=tuple(c.name for c in CONTESTANTS), help="names, with commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--event-rate", type=float, default=10_000.0, help="predictions per second of event time")
    parser.add_argument("--json", type=Path, help="write everything as one object")
    given = parser.parse_args()
    plan = Plan(
        events=given.events, repeats=given.repeats, only=given.only, seed=given.seed, per_second=given.event_rate
    )
    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as folder, servers() as running:
        rows, about = run_all(plan, running, Path(folder))
    show(rows, about)
    if given.json:
        write(given.json, rows, about)
    if any(result.problem for row in rows.values() for result in row.results):
        sys.exit("not everything could be measured: see the table")


if __name__ == "__main__":
    main()
