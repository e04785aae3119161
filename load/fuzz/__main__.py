"""Run `make fuzz EVENTS=1000000 SEED=1`: exit code 1 when anything failed, with the seed and the message."""

import argparse
import sys

from load.fuzz.run import fuzz


def main() -> int:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    verdict = fuzz(given.seed, given.events, progress=sys.stderr.isatty())
    for reason, count in sorted(verdict.reasons.items()):
        print(f"{count:12,}  {reason}")
    for failure in verdict.failures[:20]:
        print(failure)
    rate = verdict.messages / verdict.seconds
    print(f"{verdict.messages:,} messages in {verdict.seconds:.0f} s, {rate:,.0f} a second, seed {given.seed}")
    print(f"{verdict.messages - len(verdict.failures)} passed, {len(verdict.failures)} failed")
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    sys.exit(main())
