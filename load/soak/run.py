"""One soak: calibrate, start, send, go wrong now and then, drain, judge."""

import threading
import time
import traceback
from pathlib import Path

from redis import Redis

from load.bench.table import machine
from load.chaos.verdict import finish, wait_for
from load.generate import LoadSpec
from load.servers import Servers
from load.soak.accounts import ROLES, accounts, read_metas, shortcomings
from load.soak.calibrate import START_SECONDS, carried, owned
from load.soak.ears import Ears
from load.soak.faults import ACTIONS
from load.soak.feed import READY_SECONDS, Feeding
from load.soak.feeder import Feeder
from load.soak.latency import delays
from load.soak.plan import KINDS, Fault, make_plan
from load.soak.sample import Sampler
from load.soak.site import LATENESS_MS, Site, make_site, standard
from load.soak.verdict import Done, Soak
from stream.demo.lag import LagMeter

PREFIX = "soak."
SHARE = 0.5
"""Of what the workers carry."""

FINAL_MS = 20 * 60_000
"""So long after the last event every window has closed, and every label's horizon has passed."""

DRAIN_SECONDS = 180.0
TELL_SECONDS = 60.0


class Run:
    """A soak below one folder."""

    def __init__(self, servers: Servers, folder: Path, minutes: float, per_second: float | None, seed: int) -> None:
        self._servers, self._folder, self._seconds, self._seed = servers, folder, minutes * 60, seed
        self._given = per_second
        self._faults: list[Done] = []
        self._problems: list[str] = []

    def play(self) -> Soak:
        """Do it all; whatever goes wrong is a problem of what is returned."""
        carries = None if self._given else carried(self._servers, self._folder / "burst", self._seed)
        rate = self._given or round(SHARE * (carries or 0.0))
        soak = Soak(self._about(rate, carries), machine(), self._seconds / 60, rate, self._seed, carries)
        print(soak.about, flush=True)
        spec = standard(rate, self._seed, time.time_ns() // 1_000_000)
        site = make_site(self._servers, self._folder / "soak", PREFIX, spec)
        try:
            with Redis.from_url(self._servers.redis_url) as client:
                wait_for("the workers' start", lambda: owned(client, site), START_SECONDS, site.installation)
                self._soak(site, spec, soak, client)
        except Exception:  # noqa: BLE001 - what was sampled until then is still told
            self._problems.append(traceback.format_exc())
        finally:
            site.installation.stop()
        soak.problems += [*self._problems, *site.installation.failures()]
        soak.faults = self._faults
        return soak

    def _about(self, rate: float, carries: float | None) -> str:
        origin = "as asked for" if carries is None else f"half of the {carries:,.0f} that get through here"
        return (
            f"{self._seconds / 60:g} min, 2 workers, {rate:,.0f} predictions a second ({origin}), a label each; 15 "
            f"numeric and 5 categorical features, one segment, windows of 1m; seed {self._seed}"
        )

    def _soak(self, site: Site, spec: LoadSpec, soak: Soak, client: Redis) -> None:
        given = Feeding(site.servers.kafka, PREFIX, str(site.installation.folder), spec, self._seconds)
        ears = Ears(site).start()
        began, started = time.time() + READY_SECONDS, time.monotonic()
        sampler = Sampler(site, started).start()
        try:
            with Feeder(given) as feeder:
                self._wait(feeder, site, started)
                soak.fed, seen = feeder.fed, feeder.seen
        finally:
            soak.samples = sampler.stop()
        finish(site.installation, soak.fed.last_ms + FINAL_MS)
        self._drain(site)
        soak.delays = delays(ears.stop(), seen, LATENESS_MS, began)
        self._account(site, soak, client)

    def _wait(self, feeder: Feeder, site: Site, started: float) -> None:
        """Make each fault at its time, until everything is sent."""
        plan = list(make_plan(self._seed, self._seconds, self._kinds()))
        told, busy = started, None
        while not feeder.ended:
            now = time.monotonic()
            if plan and now - started >= plan[0].at_seconds and (busy is None or not busy.is_alive()):
                busy = threading.Thread(target=self._go_wrong, args=(plan.pop(0), site, started))
                busy.start()
            site.installation.revive()
            if failures := site.installation.failures():
                raise RuntimeError("; ".join(failures))
            if now - told >= TELL_SECONDS:
                told = now
                print(f"{(now - started) / 60:.0f} min, {len(self._faults)} faults", flush=True)
            time.sleep(0.2)
        if busy is not None:
            busy.join()

    def _kinds(self) -> tuple[str, ...]:
        """Return the faults that can be made: a server that was not started here is left alone."""
        away = {"restart_kafka"} if self._servers.broker is None else set()
        away |= {"restart_redis"} if self._servers.store is None else set()
        return tuple(kind for kind in KINDS if kind not in away)

    def _go_wrong(self, fault: Fault, site: Site, started: float) -> None:
        since = time.monotonic() - started
        try:
            what = ACTIONS[fault.name](site)
        except Exception:  # noqa: BLE001 - told as a problem of the run
            what = "could not be made"
            self._problems.append(f"the fault {fault.name} could not be made: {traceback.format_exc()}")
        self._faults.append(Done(fault.name, since, time.monotonic() - started, what))

    def _drain(self, site: Site) -> None:
        lag = LagMeter(self._servers.kafka, self._servers.redis_url, PREFIX)
        try:
            wait_for("the drain", lambda: sum(lag.unread()) == 0, DRAIN_SECONDS, site.installation)
        finally:
            lag.close()

    def _account(self, site: Site, soak: Soak, client: Redis) -> None:
        if soak.fed is None:
            return
        sent = dict(zip(ROLES, (soak.fed.predictions, soak.fed.labels), strict=True))
        metas = read_metas(client, site.installation.prefix)
        soak.accounts = accounts(metas, sent)
        self._problems += shortcomings(metas, sent)
        if soak.fed.failed:
            self._problems.append(f"{soak.fed.failed} messages were not delivered")
        if not soak.delays:
            self._problems.append("no alert came: nothing was decided")
