"""Play seeds again and print their traces: `rerun.py SEED [PLANTED]`, or `rerun.py FIRST..LAST [PLANTED]`.

A range is played on every core.
"""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

STREAM = Path(__file__).parents[1]
sys.path[:0] = [str(STREAM), str(STREAM / "profiler"), str(STREAM / "app"), str(STREAM.parents[1])]

from simulation.faults import InvariantError  # noqa: E402 - the path comes first
from simulation.planted import PLANTED, Planted  # noqa: E402
from simulation.world import play  # noqa: E402


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def why_not(seed: int, name: str) -> str:
    """Play a seed; returns what is wrong with it, or "" when it passed."""
    planted = PLANTED[name] if name else Planted()
    try:
        play(seed, planted.store, planted.parts, name)
    except InvariantError as broken:
        return str(broken).splitlines()[-2]
    return ""


def show(seed: int, name: str) -> int:
    planted = PLANTED[name] if name else Planted()
    try:
        say("\n".join(play(seed, planted.store, planted.parts, name).trace))
    except InvariantError as broken:
        say(str(broken))
        return 1
    return 0


def main() -> int:
    first, _, last = sys.argv[1].partition("..")
    name = "".join(sys.argv[2:])
    if not last:
        return show(int(first), name)
    seeds = range(int(first), int(last) + 1)
    failed, started = 0, time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for problem in filter(None, pool.map(partial(why_not, name=name), seeds, chunksize=8)):
            failed += 1
            say(problem)
    rate = len(seeds) / (time.perf_counter() - started) * 60
    say(f"{len(seeds) - failed} passed, {failed} failed, {rate:,.0f} seeds a minute")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
