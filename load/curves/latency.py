"""From the produce call to the alert in a subscriber's hands, at a tenth, half and four fifths of what gets through.

The parts are the soak's: its installation, its feed with a witness, its subscriber. Event time runs faster than the
clock, so that a minute of it decides enough windows; rates are of the clock.
"""

import time
from dataclasses import replace

from redis import Redis

from load.chaos.verdict import wait_for
from load.curves.bench import Bench
from load.curves.curve import Curve, Panel, Row
from load.generate import Drift
from load.soak.calibrate import carried, owned
from load.soak.ears import Ears
from load.soak.feed import Feeding
from load.soak.feeder import Feeder
from load.soak.latency import delays, spread
from load.soak.sample import look_at_workers
from load.soak.site import LATENESS_MS, WATCH, Site, make_site, standard
from stream.demo.lag import LagMeter

SPEED = 12.0
SHARES = (0.1, 0.5, 0.8)
SECONDS, START_SECONDS = 60.0, 60.0
FEW = replace(WATCH, reference_seconds=900.0)
LASTS, AGAIN = 60.0, 300.0
DRIFTS = (
    Drift("mean", at_seconds=90.0, size=2.0, features=3, for_seconds=LASTS, every_seconds=AGAIN),
    Drift("outcome", at_seconds=210.0, size=2.0, for_seconds=LASTS, every_seconds=AGAIN),
)


def latency(bench: Bench) -> Curve:
    """Measure at each share of the load."""
    most = carried(bench.servers, bench.folder / "burst", bench.seed)
    rows = [_point(bench, share, most) for share in SHARES]
    about = (
        f"two workers, shares of the {most:,.0f} predictions a second (a label each) that get through here; from the "
        "produce call of the first event beyond a window's end and the lateness, on the last partition, to an "
        f"AlertStream; windows of 1m, event time {SPEED:g} times as fast as the clock"
    )
    return Curve("latency", about, rows, (Panel("s", ("p50 s", "p99 s", "most s")),), log=False)


def _point(bench: Bench, share: float, most: float) -> Row:
    prefix, per_second = f"latency-{share * 100:.0f}.", max(share * most, 40.0)
    spec = replace(standard(per_second / SPEED, bench.seed, time.time_ns() // 1_000_000), drifts=DRIFTS)
    site = make_site(bench.servers, bench.folder / prefix, prefix, spec, FEW)
    seconds = max(bench.seconds(SECONDS), 25.0)  # below, no drift would have begun
    try:
        with Redis.from_url(bench.servers.redis_url) as client:
            wait_for("the workers' start", lambda: owned(client, site), START_SECONDS, site.installation)
        ears = Ears(site).start()
        given = Feeding(site.servers.kafka, prefix, str(site.installation.folder), spec, seconds, speed=SPEED)
        with Feeder(given) as feeder:
            unread, busy = _watch(site, feeder, seconds)
            late, seen = feeder.fed.late_seconds, feeder.seen
        found = delays(ears.stop(), seen, LATENESS_MS, 0.0)
    finally:
        site.installation.stop()
    told = spread(found)
    return {
        "load %": share * 100,
        "predictions/s": per_second,
        "transitions": told.count,
        **(
            {"p50 s": told.p50_seconds, "p99 s": told.p99_seconds, "most s": max(delay.seconds for delay in found)}
            if found
            else {"p50 s": "-", "p99 s": "-", "most s": "-"}
        ),
        "workers' CPU %": busy,
        "unread at most": unread,
        "sent late p99 s": late[1],
    }


def _watch(site: Site, feeder: Feeder, seconds: float) -> tuple[int, float]:
    """Wait for the feed's end; returns the most that was unread, and the workers' CPU in percent of a core."""
    meter = LagMeter(site.servers.kafka, site.servers.redis_url, site.installation.prefix)
    began, used, unread = time.monotonic(), _cpu_seconds(site), 0
    busy = 0.0
    try:
        while not feeder.ended:
            unread = max(unread, sum(meter.unread()))
            if time.monotonic() - began < seconds:
                busy = (_cpu_seconds(site) - used) / (time.monotonic() - began) * 100
            time.sleep(0.5)
    finally:
        meter.close()
    return unread, busy


def _cpu_seconds(site: Site) -> float:
    return sum(look.cpu_seconds for look in look_at_workers(site.installation))
