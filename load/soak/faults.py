"""What goes wrong in a soak. The first worker is stopped now and then, and never killed."""

import signal
import time

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
    if site.servers.store is None:
        raise RuntimeError("this Redis was not started here")
    site.servers.store.kill()
    away = site.rng.uniform(0.2, 2.5)
    time.sleep(away)
    site.servers.store.start()
    return f"Redis killed, back after {away:.1f} s"


def restart_kafka(site: Site) -> str:
    """Kill -9 the broker and start it again on its own files."""
    if site.servers.broker is None:
        raise RuntimeError("this Kafka was not started here")
    site.servers.broker.kill()
    away = site.rng.uniform(0.2, 2.5)
    time.sleep(away)
    site.servers.broker.start()
    return f"broker killed, started again after {away:.1f} s"


ACTIONS = {
    "kill_worker": kill_worker,
    "stop_worker": stop_worker,
    "restart_redis": restart_redis,
    "restart_kafka": restart_kafka,
}
