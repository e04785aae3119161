import pytest
from redis.exceptions import ConnectionError as ConnectionErrors

from stream.checkpoint import connect, connect_async, parse_address
from stream.checkpoint.indirect import AsyncClusterStore, AsyncSentinelStore, ClusterStore, SentinelStore


def test_a_cluster_is_its_nodes() -> None:
    address = parse_address("rediss+cluster://me:p%40ss%2Fword@one,two:7001,[::1]:7002?ssl_ca_certs=/ca.pem")
    assert address.kind == "cluster"
    assert address.hosts == (("one", 6379), ("two", 7001), ("::1", 7002))
    assert address.options["username"] == "me"
    assert address.options["password"] == "p@ss/word"
    assert address.options["ssl"] is True
    assert address.options["ssl_ca_certs"] == "/ca.pem"


def test_the_sentinels_have_a_password_of_their_own() -> None:
    address = parse_address("redis+sentinel://:master@s1,s2:5000/mymaster/3?sentinel_password=guard")
    assert address.hosts == (("s1", 26379), ("s2", 5000))
    assert (address.service, address.options["db"]) == ("mymaster", 3)
    assert address.options["password"] == "master"
    assert address.sentinel_options == {"password": "guard"}
    assert address.options["ssl"] is False
    assert "master@" not in repr(address)
    assert "guard" not in repr(address)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://:hunter2@x", "must begin with one of redis://"),
        ("redis://:hunter2@x:99999", "the port is no number from 0 to 65535"),
        ("redis+cluster://:hunter2@x:y,z", "the port of one of the hosts is no number"),
        ("redis+cluster://:hunter2@,z", "a host is missing"),
        ("redis+cluster://:hunter2@x/1", "a Redis Cluster has no database but 0"),
        ("redis+sentinel://:hunter2@x:1", "the service's name is missing"),
        ("redis+sentinel://:hunter2@x/mymaster/one", "must be the number of a database"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        parse_address(url)
    assert "hunter2" not in str(caught.value)


def test_nothing_is_sent_before_the_first_command() -> None:
    urls = (
        "redis+cluster://:hunter2@127.0.0.1:1",
        "redis+sentinel://:hunter2@127.0.0.1:1/mymaster?sentinel_password=hunter2",
    )
    stores = [connect(url) for url in urls]
    assert [type(store) for store in stores] == [ClusterStore, SentinelStore]
    for store in stores:
        # A ConnectionError, which the runners try again; not redis-py's RedisClusterException, which they would not.
        with pytest.raises(ConnectionErrors) as caught:
            store.execute_command("PING")
        assert "hunter2" not in str(caught.value)
        assert len(str(caught.value)) < 200
        store.close()
    assert [type(connect_async(url)) for url in urls] == [AsyncClusterStore, AsyncSentinelStore]
