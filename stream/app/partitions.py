"""Partition counts, as they were when the installation began: with another count keys lie elsewhere.

A label would be looked for in another partition than its prediction, a model in another monitor than its history. Kafka
lets anybody add partitions to a topic, and no event says so: the counts are kept beside the state and compared, at the
start and then every half minute.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from mode import Service
from redis.exceptions import RedisError

from stream.checkpoint import StateLostError, connect
from stream.config import Settings
from stream.errors import UnreachableError
from stream.kafka.clients import make_admin
from stream.kafka.topics import TopicNames, list_partitions
from stream.store.reach import unreachable

_LOG: Final = logging.getLogger(__name__)
CHECK_SECONDS: Final = 30.0


class PartitionWatch(Service):
    """Asks Kafka for the counts now and then.

    Parameters
    ----------
    ask
        Partition count of every topic; called in a thread, may raise UnreachableError.
    expected
        Counts of the topics that must not change.
    fail
        Told when one has.
    """

    def __init__(
        self,
        ask: Callable[[], Mapping[str, int]],
        expected: Mapping[str, int],
        fail: Callable[[BaseException], None],
        seconds: float = CHECK_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._ask, self._expected, self._fail, self._seconds = ask, expected, fail, seconds

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(self._seconds)
            try:
                found = await asyncio.to_thread(self._ask)
            except UnreachableError:
                continue  # the clients wait for Kafka, and say so
            text = changed(self._expected, found)
            if text:
                self._fail(StateLostError(text))
                return


def counts(settings: Settings, there: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that state depends on, by topic; a topic that is not there is left out."""
    names = TopicNames(settings.prefix)
    return {name: there[name] for name in (names.predictions, names.labels, names.profiles) if name in there}


def changed(expected: Mapping[str, int], found: Mapping[str, int]) -> str:
    """Return what changed as a sentence, "" for nothing. A topic that cannot be seen now has not changed."""
    other = [
        f"{name} has {found[name]} partitions, and had {count} when this installation began"
        for name, count in sorted(expected.items())
        if found.get(name, count) != count
    ]
    if not other:
        return ""
    return (
        f"{'; '.join(other)}: keys lie in other partitions now, so labels miss their predictions and models their "
        "history (new topics under another prefix begin cleanly)"
    )


def keep_counts(settings: Settings, found: Mapping[str, int], *, cold_start: bool) -> None:
    """Compare with the counts kept in Redis, and keep them when there are none.

    Raises
    ------
    StateLostError
        They differ, and nobody asked for a cold start.
    UnreachableError
        Redis went away meanwhile; the same call may be made again.
    """
    key = f"{{tidegauge:{settings.prefix}:topics}}"
    store = connect(settings.redis.url.get_secret_value())
    try:
        kept = _read(store.execute_command("HGETALL", key))
        text = changed(kept, found)
        if text and not cold_start:
            raise StateLostError(text)
        if text:
            _LOG.warning("the new partition counts are taken (--cold-start): %s", text)
        if kept != found and found:
            store.execute_command("HSET", key, *(part for pair in found.items() for part in pair))
    except (RedisError, OSError) as error:
        raise unreachable(error) from error
    finally:
        store.close()


def _read(reply: Any) -> dict[str, int]:
    """Read HGETALL's answer: a mapping or a flat list, by version and protocol."""
    pairs = reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    return {name.decode(): int(count) for name, count in pairs}


def asker(settings: Settings) -> Callable[[], Mapping[str, int]]:
    """Return what asks Kafka for the counts."""
    admin = make_admin(settings.kafka_settings)
    return lambda: list_partitions(admin, settings.kafka_settings)
