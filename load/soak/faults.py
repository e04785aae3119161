"""What goes wrong in a soak. The first worker is stopped now and then, and never killed."""

import signal
import time

from load.servers import KafkaBroker, RedisServer
from load.soak.site import Site

STOPPED_SECONDS = 9.0
"""Longer than the group's session (6 s): others take over, and what the stopped one writes then is refused."""


def kill_worker(site: Site) -> str:
    """Kill -9 one of the workers that may be killed; another comes two seconds later."""
    mortal = [worker for worker in site.installation.alive() if worker.number > 0]
    if mortal:
        site.rng.choice(mortal).end(signal.SIGKILL)
        time.sleep(2)
    new = site.installation.worker()
    return f"workers {[worker.number for worker in mortal]} killed, worker {new.number} started"


def stop_worker(site: Site) -> str:
    """SIGSTOP a worker for longer than its session."""
    worker = site.rng.choice(site.installation.alive())
    worker.send(signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    worker.send(signal.SIGCONT)
    return f"worker {worker.number} stopped for {STOPPED_SECONDS:g} s"


def restart_redis(site: Site) -> str:
    """Kill -9 Redis and start it again on its own files."""
    return f"Redis killed, back after {_restart(site, site.servers.store):.1f} s"


def restart_kafka(site: Site) -> str:
    """Kill -9 the broker and start it again on its own files."""
    return f"broker killed, started again after {_restart(site, site.servers.broker):.1f} s"


def _restart(site: Site, server: KafkaBroker | RedisServer | None) -> float:
    """Kill -9 a server and start it again; returns after how many seconds."""
    if server is None:
        raise RuntimeError("this server was not started here")
    server.kill()
    away = site.rng.uniform(0.2, 2.5)
    time.sleep(away)
    server.start()
    return away


ACTIONS = {
    "kill_worker": kill_worker,
    "stop_worker": stop_worker,
    "restart_redis": restart_redis,
    "restart_kafka": restart_kafka,
}
