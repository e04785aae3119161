"""`python -m load.core --models 1,100,1000 --batch 2000`."""

import argparse
from collections.abc import Sequence
from statistics import median

from load.core.models import catalog_of
from load.core.trial import Cost, run
from load.generate import LoadSpec
from stream.app.allocator import return_large_blocks
from stream.app.collector import calm_collector

COLUMNS = ("predictions", "labels", "checkpoints")


def main() -> None:
    """Measure, and print medians with the ratio to decoding and to the first number of models."""
    parser = argparse.ArgumentParser(prog="load.core", description=__doc__)
    parser.add_argument("--models", default="1,100,1000", help="how many share the topic; numbers with commas")
    parser.add_argument("--batch", type=int, default=2_000, help="messages of one topic counted at once")
    parser.add_argument("--events", type=int, default=100_000, help="predictions, with a label each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--event-rate", type=float, default=10_000.0, help="predictions per second of event time")
    parser.add_argument("--warm-up", type=int, default=100_000, help="events before the measurement")
    parser.add_argument("--window", default="1m", help="of the drift monitors; a part covers a fraction of it")
    given = parser.parse_args()
    print(f"{'models':>7}{'decode':>9}{'core':>9}{'ratio':>7}{'to first':>9}", *(f"{c:>12}" for c in COLUMNS))
    first = 0.0
    for models in map(int, given.models.split(",")):
        spec = LoadSpec(models=models, per_second=given.event_rate)
        catalog = catalog_of(spec, given.window)
        return_large_blocks()
        calm_collector()
        trials = [run(spec, catalog, given.events, given.batch, given.warm_up) for _ in range(given.repeats)]
        decode, core = map(_middle, zip(*trials, strict=True))
        first = first or core.total_us
        shares = (f"{core.us(column):12.2f}" for column in COLUMNS)
        ratio, to_first = core.total_us / decode.total_us, core.total_us / first
        print(f"{models:7}{decode.total_us:9.2f}{core.total_us:9.2f}{ratio:7.2f}{to_first:9.2f}", *shares)
        print(f"{'':7} {core.parts} parts, {core.checkpoints} checkpoints, {core.joined} labels joined")


def _middle(costs: Sequence[Cost]) -> Cost:
    """Return the trial with the median total."""
    least = median(cost.total_us for cost in costs)
    return min(costs, key=lambda cost: abs(cost.total_us - least))


if __name__ == "__main__":
    main()
