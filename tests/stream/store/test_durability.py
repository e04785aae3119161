import logging

import pytest
import redis

from stream.store import reach
from stream.store.durability import examine
from stream.store.embedded import EmbeddedStore

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def store() -> EmbeddedStore:
    with EmbeddedStore() as embedded:
        yield embedded


def test_a_store_as_it_must_be(store: EmbeddedStore) -> None:
    with redis.Redis.from_url(store.url) as client:
        assert [(f.requirement.name, f.found, f.fine) for f in examine(client)] == [
            ("maxmemory-policy", "noeviction", True),
            ("appendonly", "yes", True),
            ("appendfsync", "everysec", True),
        ]


def test_what_endangers_the_state_is_warned_of_once(store: EmbeddedStore, caplog: pytest.LogCaptureFixture) -> None:
    with redis.Redis.from_url(store.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with caplog.at_level(logging.WARNING):
                reach.warn_of_settings(store.url)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert [record.message for record in caplog.records] == [
        "Redis maxmemory-policy is allkeys-lru: an evicted key is lost state: set `maxmemory-policy noeviction`"
    ]


def test_a_managed_server_that_hides_its_settings_is_no_error(
    store: EmbeddedStore, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(store.url) as client:
        client.acl_setuser("guest", enabled=True, passwords=["+secret"], commands=["+@all", "-config"], keys=["*"])
    url = store.url.replace("redis://", "redis://guest:secret@")
    with redis.Redis.from_url(url) as guest:
        assert [(f.found, f.fine) for f in examine(guest)] == [(None, True)] * 3
    with caplog.at_level(logging.WARNING):
        reach.warn_of_settings(url)
    assert [record.message for record in caplog.records] == [
        "Redis does not show appendfsync, appendonly, maxmemory-policy: see that they are as `tidegauge doctor` says"
    ]
