"""The checkpoint on a real Redis Cluster and behind a real Sentinel: what fails over comes back whole."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.conftest import require
from servers import redis
from servers.redis_cluster import RedisCluster, RedisSentinel, client, until

from stream.checkpoint import AsyncRunner, Delta, Landed, ShardName, Stale, SyncRunner, connect, connect_async
from stream.checkpoint.errors import StoreUnavailableError
from stream.checkpoint.retry import RetryPolicy
from stream.store.durability import examine

pytestmark = pytest.mark.integration
PATIENT = RetryPolicy(deadline_seconds=30.0)


def binary(kind: str) -> str:
    if kind == "redis":
        require(redis.missing())
    return str(redis.redis_binary() if kind == "redis" else redis.valkey_binary())


@pytest.fixture(scope="module", params=["redis", "valkey"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    servers = RedisCluster(tmp_path_factory.mktemp("cluster"), binary(request.param)).start()
    yield servers
    servers.kill()


@pytest.fixture
def sentinel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisSentinel]:
    servers = RedisSentinel(tmp_path, binary(getattr(request, "param", "redis"))).start()
    yield servers
    servers.kill()


def delta(number: int) -> Delta:
    """Return a change whose parts can be told to belong together."""
    return Delta(fields={b"n": b"%d" % number}, appends={"b": b"%02d" % number}, offsets={"topic": number})


def whole(url: str, shard: ShardName, number: int) -> None:
    """Take the shard over and see that state, records and offset are of one checkpoint."""
    store = connect(url)
    try:
        loaded = SyncRunner(store, shard, retry=PATIENT).take_over()
    finally:
        store.close()
    assert (loaded.seq, loaded.fields, loaded.offsets) == (number, {b"n": b"%d" % number}, {"topic": number})
    assert loaded.buckets == {"b": b"".join(b"%02d" % n for n in range(1, number + 1))}


def test_shards_lie_all_over_a_cluster_and_each_is_exact(cluster: RedisCluster) -> None:
    store = connect(cluster.url)
    shards = [ShardName("spread.", "profiler", number) for number in range(12)]
    runners = [SyncRunner(store, shard, retry=PATIENT) for shard in shards]
    try:
        for runner in runners:
            assert runner.take_over().fresh
            assert [runner.commit(delta(n)) for n in (1, 2, 3)] == [Landed(1), Landed(2), Landed(3)]
    finally:
        store.close()
    assert len({cluster.owner(shard.meta).port for shard in shards}) == 3
    for shard in shards:
        whole(cluster.url, shard, 3)


def test_many_partitions_of_one_loop_on_a_cluster(cluster: RedisCluster) -> None:
    shards = [ShardName("loop.", "monitor", number) for number in range(12)]

    async def story() -> None:
        store = connect_async(cluster.url)
        runners = [AsyncRunner(store, shard, retry=PATIENT) for shard in shards]
        try:
            await asyncio.gather(*(runner.take_over() for runner in runners))
            for n in (1, 2, 3):
                assert set(await asyncio.gather(*(r.commit(delta(n)) for r in runners))) == {Landed(n)}
        finally:
            await store.aclose()

    asyncio.run(story())
    for shard in shards:
        whole(cluster.url, shard, 3)


def test_a_slot_that_moves_while_it_is_written(cluster: RedisCluster) -> None:
    shard = ShardName("moving.", "profiler", 0)
    store = connect(cluster.url)
    runner = SyncRunner(store, shard, retry=PATIENT)
    try:
        runner.take_over()
        assert runner.commit(delta(1)) == Landed(1)
        source = cluster.owner(shard.meta)
        target = next(node for node in cluster.nodes if node is not source)
        with client(source) as old, client(target) as new:
            slot = old.execute_command("CLUSTER KEYSLOT", shard.meta)
            ids = [node.execute_command("CLUSTER MYID").decode() for node in (old, new)]
            new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[0])
            old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[1])
            keys = sorted(old.execute_command("CLUSTER GETKEYSINSLOT", slot, 100))
            old.execute_command("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
            # Half here, half there, and some keys nowhere yet: neither node runs a script, until the slot has moved.
            hasty = SyncRunner(store, shard, retry=RetryPolicy(deadline_seconds=0.3))
            hasty.ownership = runner.ownership
            second = delta(2)
            with pytest.raises(StoreUnavailableError):
                hasty.commit(second)
            for key in keys[1:]:
                old.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
            for node in (new, old):
                node.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[1])
            assert runner.commit(second) == Landed(2)
            assert runner.commit(delta(3)) == Landed(3)
    finally:
        store.close()
    whole(cluster.url, shard, 3)


def test_a_node_of_the_cluster_is_killed_and_comes_back(cluster: RedisCluster) -> None:
    shards = [ShardName("killed.", "profiler", number) for number in range(6)]
    store = connect(cluster.url)
    runners = [SyncRunner(store, shard, retry=PATIENT) for shard in shards]
    victim = cluster.owner(shards[0].meta)
    try:
        for runner in runners:
            runner.take_over()
            assert runner.commit(delta(1)) == Landed(1)
        victim.kill()
        hasty = SyncRunner(store, shards[0], retry=RetryPolicy(deadline_seconds=0.3))
        hasty.ownership = runners[0].ownership
        second = delta(2)
        with pytest.raises(StoreUnavailableError):
            hasty.commit(second)
        victim.start()
        assert runners[0].commit(second) == Landed(2)
        assert {runner.commit(delta(2)) for runner in runners[1:]} == {Landed(2)}
    finally:
        store.close()
        until(cluster.healthy, 30, "the cluster's recovery")
    for shard in shards:
        whole(cluster.url, shard, 2)


def test_a_failover_to_a_replica_in_step_loses_nothing(sentinel: RedisSentinel) -> None:
    shard = ShardName("", "profiler", 0)
    store = connect(sentinel.url)
    runner = SyncRunner(store, shard, retry=PATIENT)
    try:
        runner.take_over()
        for n in range(1, 6):
            assert runner.commit(delta(n)) == Landed(n)
        with client(sentinel.master) as master:
            assert master.wait(1, 5000) == 1
        sentinel.master.kill()
        assert runner.commit(delta(6)) == Landed(6)
    finally:
        store.close()
    assert sentinel.promoted()
    whole(sentinel.url, shard, 6)


@pytest.mark.parametrize("sentinel", ["redis", "valkey"], indirect=True)
def test_state_and_offsets_go_back_together_when_the_replica_lagged(sentinel: RedisSentinel) -> None:
    shard = ShardName("", "monitor", 0)

    async def story() -> None:
        store = connect_async(sentinel.url)
        runner = AsyncRunner(store, shard, retry=PATIENT)
        try:
            await runner.take_over()
            for n in range(1, 4):
                assert await runner.commit(delta(n)) == Landed(n)
            with client(sentinel.master) as master:
                assert master.wait(1, 5000) == 1
            sentinel.cut_replica_off()
            for n in range(4, 8):
                assert await runner.commit(delta(n)) == Landed(n)
            sentinel.master.kill()
            # The new master knows nothing of 4 to 7: nothing may be built on them.
            assert await runner.commit(delta(8)) == Stale(3)
            loaded = await runner.take_over()
            assert (loaded.seq, loaded.fields[b"n"], loaded.offsets) == (3, b"3", {"topic": 3})
            assert await runner.commit(delta(4)) == Landed(4)
        finally:
            await store.aclose()

    asyncio.run(story())
    whole(sentinel.url, shard, 4)


def test_the_master_that_comes_back_is_a_replica_nobody_writes_to(sentinel: RedisSentinel) -> None:
    shard = ShardName("", "profiler", 0)
    store = connect(sentinel.url)
    runner = SyncRunner(store, shard, retry=PATIENT)
    try:
        runner.take_over()
        assert runner.commit(delta(1)) == Landed(1)
        with client(sentinel.master) as master:
            assert master.wait(1, 5000) == 1
        # The connection stays, but its server was demoted: READONLY, and the Sentinel is asked anew.
        until(sentinel.fail_over, 30, "the Sentinel's consent")
        until(sentinel.promoted, 30, "the failover that was asked for")
        for n in range(2, 5):
            assert runner.commit(delta(n)) == Landed(n)
    finally:
        store.close()
    whole(sentinel.url, shard, 4)


@pytest.mark.parametrize("cluster", ["redis"], indirect=True)
def test_the_settings_of_every_server_are_looked_at(cluster: RedisCluster, sentinel: RedisSentinel) -> None:
    with client(cluster.nodes[2]) as node, client(sentinel.master) as master:
        node.config_set("maxmemory-policy", "allkeys-lru")
        master.config_set("appendfsync", "no")
        try:
            findings = {}
            for url in (cluster.url, sentinel.url):
                store = connect(url)
                try:
                    store.execute_command("PING")
                    findings[url] = [f"{f.what}: {f.advice}" for f in examine(store) if not f.fine]
                finally:
                    store.close()
        finally:
            node.config_set("maxmemory-policy", "noeviction")
    node_name = f"Redis node 127.0.0.1:{cluster.nodes[2].port}"
    evicts = "an evicted key is lost state: set `maxmemory-policy noeviction`"
    loses = "a power cut would lose half a minute of state: set `appendfsync everysec`"
    assert findings[cluster.url] == [f"{node_name} maxmemory-policy is allkeys-lru: {evicts}"]
    assert findings[sentinel.url] == [f"Redis master appendfsync is no: {loses}"]
