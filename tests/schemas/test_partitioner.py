"""Vectors are those of Kafka's own UtilsTest.testMurmur2; placement is compared with librdkafka's."""

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from tests.schemas.conftest import PARTITIONS, Reader
from tidegauge.partitioner import murmur2, partition_for

JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_hash_is_javas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


def test_partition_drops_the_sign_bit() -> None:
    assert partition_for(b"21", 1000) == (-973932308 & 0x7FFFFFFF) % 1000


@given(key=st.binary(max_size=64), partitions=st.integers(1, 10_000))
def test_partition_is_in_range(key: bytes, partitions: int) -> None:
    assert 0 <= partition_for(key, partitions) < partitions
    assert partition_for(key, 1) == 0


@pytest.mark.parametrize("partitions", [0, -1])
def test_no_partitions_is_an_error(partitions: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        partition_for(b"a", partitions)


def test_librdkafka_agrees(mock_cluster: str, prefix: str, read: Reader) -> None:
    producer = Producer({"bootstrap.servers": mock_cluster, "partitioner": "murmur2_random"})
    keys = [f"{'x' * (at % 9)}é-{at}".encode() for at in range(300)]
    for key in keys:
        producer.produce(f"{prefix}keys", b"", key)
    producer.flush()
    found = {message.key(): message.partition() for message in read(f"{prefix}keys", len(keys))}
    assert found == {key: partition_for(key, PARTITIONS) for key in keys}
    assert set(found.values()) == set(range(PARTITIONS))
