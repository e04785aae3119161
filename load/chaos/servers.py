"""The servers of one run: Kafka, Redis with a replica to fail over to, toxiproxy before both where there is one."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from servers import kafka, redis
from servers.kafka import KafkaBroker
from servers.ports import free_ports
from servers.redis import RedisServer

from load.chaos import toxiproxy
from load.chaos.toxiproxy import Toxiproxy


def missing() -> list[str]:
    """Say what chaos needs and this machine lacks, in sentences; empty when it can run."""
    return [reason for reason in (kafka.missing(), redis.missing()) if reason]


@dataclass
class Servers:
    """All servers below one folder; `start` them, `stop` kills them.

    Attributes
    ----------
    store_generation
        Counts failovers: what the store shows may go back once with each.
    """

    folder: Path
    store_generation: int = 0
    kafka: KafkaBroker = field(init=False)
    store: RedisServer = field(init=False)
    proxy: Toxiproxy | None = None
    _replica: RedisServer | None = None

    def start(self) -> "Servers":
        """Start what there is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = RedisServer(self.folder / "redis-0", str(redis.redis_binary())).start()
        self.kafka = KafkaBroker(self.folder / "kafka")
        if toxiproxy.missing() is None:
            self.proxy = Toxiproxy(self.folder).start()
            self.proxy.create("redis", self.store.port)
            (inside,) = free_ports(1)
            self.kafka.proxied = (inside, self.proxy.create("kafka", inside))
        self.kafka.start()
        return self

    def stop(self) -> None:
        """Kill everything."""
        for server in (self.kafka, self.store, self._replica, self.proxy):
            if server is not None:
                server.kill()

    @property
    def store_url(self) -> str:
        """Where workers find Redis: through the proxy where there is one."""
        return self.store.url if self.proxy is None else f"redis://127.0.0.1:{self.proxy.ports['redis']}/0"

    @property
    def worker_bootstrap(self) -> str:
        """Where workers find Kafka, in the same way."""
        return self.kafka.bootstrap if self.proxy is None else f"127.0.0.1:{self.proxy.ports['kafka']}"

    def direct(self) -> Redis:
        """Return a client past the proxy, with short timeouts, for watching."""
        return Redis.from_url(self.store.url, socket_timeout=2, socket_connect_timeout=2)

    def replicate(self) -> None:
        """Start a replica of the present store, and wait until it has everything."""
        self._replica = RedisServer(self.folder / f"redis-{self.store_generation + 1}", self.store.binary).start()
        with Redis.from_url(self._replica.url) as client:
            client.execute_command("REPLICAOF", "127.0.0.1", self.store.port)

    def replica_in_sync(self) -> bool:
        """Whether the replica follows."""
        if self._replica is None:
            return False
        with Redis.from_url(self._replica.url) as client:
            return bool(client.info("replication").get("master_link_status") == "up")

    def cut_replica(self) -> None:
        """Let the replica fall behind from here on."""
        if self._replica is not None:
            with Redis.from_url(self._replica.url) as client:
                client.execute_command("REPLICAOF", "NO", "ONE")

    def fail_over(self) -> None:
        """Kill the store; the replica takes its place and its address, with what it has."""
        if self._replica is None:
            raise RuntimeError("there is no replica to fail over to")
        port, replica, self._replica = self.store.port, self._replica, None
        self.store.kill()
        replica.stop()
        replica.port = port
        self.store_generation += 1
        self.store = replica.start()

    def forget(self) -> None:
        """Remove what the servers wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)
