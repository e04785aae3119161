"""`make chaos SEEDS=1..30 SECONDS=40`, `make chaos-control SEEDS=1..5`: one line a seed, then `N passed, M failed`."""

import argparse
import sys
import time

from load.chaos import servers, toxiproxy
from load.chaos.installation import PARTITIONS
from load.chaos.plan import FAULTS, NETWORK_FAULTS, make_plan
from load.chaos.run import Result, Run

SHOWN = 8


def main() -> int:
    """Run the seeds; 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1..3", help="first..last, or one")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long the services send, in each run")
    parser.add_argument("--faults", default="", help="only these, with commas; `none` for none")
    parser.add_argument("--control", action="store_true", help="with the checkpoint that must fail")
    given = parser.parse_args()
    if reasons := servers.missing():
        sys.exit("chaos needs real servers: " + "; ".join(reasons))
    without = NETWORK_FAULTS if (lacking := toxiproxy.missing()) else frozenset()
    if given.faults:
        without |= FAULTS.keys() - set(given.faults.split(","))
    if lacking:
        print(f"NO NETWORK FAULTS: there is {lacking}", file=sys.stderr, flush=True)
    passed = failed = 0
    for seed in _seeds(given.seeds):
        began = time.monotonic()
        result = Run(make_plan(seed, given.seconds, PARTITIONS, without=without), control=given.control).play()
        _print(result, time.monotonic() - began)
        passed, failed = passed + (not result.problems), failed + bool(result.problems)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _seeds(text: str) -> range:
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def _print(result: Result, seconds: float) -> None:
    verdict = "failed" if result.problems else "passed"
    figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
    plan = result.plan
    print(f"seed {plan.seed} {verdict} in {seconds:.0f} s, {plan.workers} workers: {plan}; {figures}", flush=True)
    for problem in result.problems[:SHOWN]:
        print(f"    {problem}", flush=True)
    if result.problems:
        more = len(result.problems) - SHOWN
        print(f"    {f'and {more} more; ' if more > 0 else ''}everything is in {result.folder}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
