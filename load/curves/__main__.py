"""`make curves`: `python -m load.curves --only NAME`."""

import argparse
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from load.bench.table import machine
from load.curves.bench import Bench
from load.curves.chart import draw
from load.curves.curve import show, write
from load.curves.registry import CURVES
from load.servers import servers

RESULTS = Path(__file__).parents[1] / "results"
ENDED = 128 + signal.SIGTERM


def _names(text: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    if unknown := [name for name in names if name not in CURVES]:
        raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(CURVES)}")
    return names


def main() -> int:
    """Measure, print, write and draw; 1 when a curve could not be measured or a goal was missed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED))  # so that servers and workers are ended too
    parser = argparse.ArgumentParser(prog="load.curves", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(CURVES), help="names, with commas")
    parser.add_argument("--scale", type=float, default=1.0, help="of events and seconds; below 1: only to see it work")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the tables and pictures")
    given, failed = parser.parse_args(), False
    for name in given.only:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tidegauge-curves-") as folder, servers() as running:
            try:
                curve = CURVES[name](Bench(running, Path(folder), given.seed, given.scale))
            except Exception:  # noqa: BLE001 - the others can still be measured
                print(f"{name} could not be measured: {traceback.format_exc()}", file=sys.stderr, flush=True)
                failed = True
                continue
        show(curve)
        print(f"{name}: measured in {time.monotonic() - began:.0f} s", flush=True)
        write(given.out / f"{name}.json", curve, machine())
        if curve.panels:
            draw(given.out / f"{name}.png", curve, machine())
        failed |= bool(curve.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
