"""A Redis Cluster of three nodes, and a master with a replica and a Sentinel: real servers on free ports."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis

from servers.ports import free_ports, wait_until_listening
from servers.redis import RedisServer

SLOTS = 16_384
SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor mymaster 127.0.0.1 {master} 1
sentinel down-after-milliseconds mymaster 600
sentinel failover-timeout mymaster 5000
"""


def until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds; TimeoutError with its name."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)


def client(server: RedisServer) -> redis.Redis:
    """Return a plain client of one server."""
    return redis.Redis.from_url(server.url, socket_timeout=5)


@dataclass
class RedisCluster:
    """Three primaries, a third of the slots each."""

    folder: Path
    binary: str
    nodes: list[RedisServer] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address for the product: two of the nodes, the third is found."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def start(self) -> "RedisCluster":
        """Start the nodes, make them meet, and wait until all of them know all slots."""
        for number, (port, bus) in enumerate(zip(*[iter(free_ports(6))] * 2, strict=True)):
            extra = ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1500"]
            server = RedisServer(self.folder / f"node-{number}", self.binary, port, extra)
            server.folder.mkdir(parents=True)
            self.nodes.append(server.start())
            with client(server) as node:
                first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
                node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
                # A config epoch of its own, or two nodes may settle a conflict in the middle of a test.
                node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
                if number:
                    meet = self.nodes[0]
                    node.execute_command("CLUSTER MEET", "127.0.0.1", meet.port, meet.extra[3])
        until(self.healthy, 30, "the cluster's agreement")
        return self

    def healthy(self) -> bool:
        """Whether every node says that all is well."""
        return all(self._state(node) == ("ok", "3") for node in self.nodes)

    def owner(self, key: str) -> RedisServer:
        """Return the node that has a key's slot now."""
        with redis.RedisCluster("127.0.0.1", self.nodes[0].port) as cluster:
            node = cluster.get_node_from_key(key)
            return next(server for server in self.nodes if node is not None and server.port == node.port)

    def kill(self) -> None:
        """Kill -9 all nodes."""
        for node in self.nodes:
            node.kill()

    def _state(self, server: RedisServer) -> tuple[str, str]:
        try:
            with client(server) as node:
                info = node.execute_command("CLUSTER INFO")
        except redis.RedisError:
            return ("", "")
        return info["cluster_state"], info["cluster_size"]


@dataclass
class RedisSentinel:
    """A master, its replica, and one Sentinel that may decide alone."""

    folder: Path
    binary: str
    master: RedisServer = field(init=False)
    replica: RedisServer = field(init=False)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for the product."""
        return f"redis+sentinel://127.0.0.1:{self.port}/mymaster"

    def start(self) -> "RedisSentinel":
        """Start the three, and wait until the Sentinel knows a replica that is in step."""
        at_once = ["--repl-diskless-sync-delay", "0"]
        self.master = RedisServer(self.folder / "master", self.binary, extra=at_once).start()
        following = [*at_once, "--replicaof", f"127.0.0.1 {self.master.port}"]
        self.replica = RedisServer(self.folder / "replica", self.binary, extra=following).start()
        until(lambda: self._link() == "up", 30, "the replica's first copy")
        self.port = free_ports(1)[0]
        config = self.folder / "sentinel.conf"
        config.write_text(SENTINEL.format(port=self.port, folder=self.folder, master=self.master.port))
        with (self.folder / "sentinel.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binary, str(config), "--sentinel"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_until_listening(self.port, 15, f"the Sentinel (log: {self.folder / 'sentinel.log'})")
        until(self._knows_replica, 30, "the Sentinel's knowledge of the replica")
        return self

    def cut_replica_off(self) -> None:
        """Let the replica follow nobody: from here on it lags. The Sentinel mends that after 8 s or more."""
        with client(self.replica) as replica:
            replica.replicaof("127.0.0.1", str(free_ports(1)[0]))

    def fail_over(self) -> bool:
        """Ask the Sentinel for a failover with both servers alive; whether it began."""
        try:
            with redis.Redis(port=self.port, socket_timeout=5) as sentinel:
                sentinel.execute_command("SENTINEL FAILOVER", "mymaster")
        except (redis.ResponseError, redis.ConnectionError):  # it has not yet heard that the replica is well
            return False
        return True

    def promoted(self) -> bool:
        """Whether the replica is the master now."""
        try:
            with client(self.replica) as replica:
                return bool(replica.execute_command("ROLE")[0] == b"master")
        except redis.ConnectionError:  # a server closes its connections while it is promoted
            return False

    def kill(self) -> None:
        """Kill -9 all of them."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.master.kill()
        self.replica.kill()

    def _link(self) -> str:
        with client(self.replica) as replica:
            return str(replica.info("replication")["master_link_status"])

    def _knows_replica(self) -> bool:
        with redis.Redis(port=self.port, socket_timeout=5) as sentinel:
            known = sentinel.execute_command("SENTINEL REPLICAS", "mymaster")
        return len(known) == 1
