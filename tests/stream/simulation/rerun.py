"""Play seeds again and print their traces: `rerun.py SEED [PLANTED]`, or `rerun.py FIRST..LAST [PLANTED]`."""

import sys
import time
from pathlib import Path

STREAM = Path(__file__).parents[1]
sys.path[:0] = [str(STREAM), str(STREAM / "profiler"), str(STREAM / "app"), str(STREAM.parents[1])]

from simulation.faults import InvariantError  # noqa: E402 - the path comes first
from simulation.planted import PLANTED, Planted  # noqa: E402
from simulation.world import play  # noqa: E402


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> int:
    first, _, last = sys.argv[1].partition("..")
    seeds = range(int(first), int(last or first) + 1)
    name = "".join(sys.argv[2:])
    planted = PLANTED[name] if name else Planted()
    failed, started = 0, time.perf_counter()
    for seed in seeds:
        try:
            world = play(seed, planted.store, planted.parts, name)
        except InvariantError as broken:
            failed += 1
            say(str(broken) if len(seeds) == 1 else str(broken).splitlines()[-2])
        else:
            if len(seeds) == 1:
                say("\n".join(world.trace))
    rate = len(seeds) / (time.perf_counter() - started) * 60
    say(f"{len(seeds) - failed} passed, {failed} failed, {rate:,.0f} seeds a minute")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
