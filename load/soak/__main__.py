"""`make soak MINUTES=60`: `python -m load.soak`."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from load.servers import servers
from load.soak.chart import draw
from load.soak.run import Run
from load.soak.site import BROKER
from load.soak.verdict import text_of, write

RESULTS = Path(__file__).parents[1] / "results"
ENDED = 128 + signal.SIGTERM


def main() -> int:
    """Soak, print the verdict, write it and draw it; 0 when nothing grew and every event was counted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED))  # so that servers and workers are ended too
    parser = argparse.ArgumentParser(prog="load.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long events come")
    parser.add_argument("--rate", type=float, help="predictions a second, a label each; else half of what gets through")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for soak.json and soak.png")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-soak-"))
    with servers(BROKER) as running:
        soak = Run(running, folder, given.minutes, given.rate, given.seed).play()
    print(text_of(soak), flush=True)
    write(given.out / "soak.json", soak)
    if soak.samples:
        draw(given.out / "soak.png", soak)
    if soak.failures:
        print(f"logs are in {folder}", flush=True)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
