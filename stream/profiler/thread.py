"""The profiler as a thread: start it alone or under a supervisor, stop it in order, ask it how it is."""

import logging
import threading
import time
from collections.abc import Callable

from stream.checkpoint.requests import Client
from stream.errors import ConfigurationError, TidegaugeError
from stream.kafka.clients import PRODUCER_BOUNDS, make_producer
from stream.model.catalog import Catalog
from stream.profiler.config import ProfilerConfig
from stream.profiler.dead_letters import DeadLetters
from stream.profiler.heritage import Heritage
from stream.profiler.inputs import Inputs, partition_count
from stream.profiler.log_ends import LogEnds
from stream.profiler.loop import Loop
from stream.profiler.owned import Keeper
from stream.profiler.publisher import Publisher
from stream.profiler.pulse import Pulse
from stream.profiler.shards import Shards
from stream.profiler.status import ProfilerStatus, Totals
from stream.profiler.switch_log import SwitchLog
from stream.profiler.unread import Unread, group_positions

_LOG = logging.getLogger(__name__)
_OURS = {"acks": "all", "compression.type": "lz4", "linger.ms": 5}


class ProfilerThread:
    """Reads predictions and labels, keeps profiles in Redis, publishes them.

    Parameters
    ----------
    config
        Where and how.
    store
        Redis client (redis-py), bytes not decoded, used by this thread alone; with socket timeouts, or a Redis that
        hangs holds the thread.
    catalog
        Gives the newest catalog; called in this thread, must not block.

    Examples
    --------
    >>> thread = ProfilerThread(config, redis.Redis.from_url(url), lambda: follower.catalog)  # doctest: +SKIP
    >>> thread.start()  # doctest: +SKIP
    >>> thread.stop(5.0)  # doctest: +SKIP
    """

    def __init__(self, config: ProfilerConfig, store: Client, catalog: Callable[[], Catalog]) -> None:
        self._config, self._store, self._catalog = config, store, catalog
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._status = ProfilerStatus()
        self._loop: Loop | None = None
        self.pulse = Pulse("profiler's thread")
        self._seconds = config.cadence.stop_seconds
        self._thread = threading.Thread(target=self._run, name="profiler", daemon=True)

    @property
    def status(self) -> ProfilerStatus:
        """How it is, at most a second old; from any thread."""
        return self._status if self._loop is None else self._loop.status

    @property
    def failure(self) -> Exception | None:
        """Why the thread ended by itself; a TidegaugeError carries the process's exit code."""
        return self._failure

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; it finds servers and topics by itself, and `failure` says what it did not find."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Checkpoint, publish, leave the group; returns whether that was done within `timeout` seconds."""
        self._seconds = min(self._seconds, timeout)
        self._stop.set()
        return self.join(timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; False when it has not."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._loop = loop = _build(self._config, self._store, self._catalog, self.pulse)
            while not self._stop.is_set():
                self.pulse.beat()
                loop.turn()
            loop.finish(self._seconds)
        except TidegaugeError as error:
            _LOG.critical("profiler: %s", error)
            self._failure = error
        except Exception as error:  # noqa: BLE001 - a bug must end the worker, not leave it running without its profiler
            _LOG.exception("profiler ended")
            self._failure = error
        finally:
            self.pulse.rest()


def _build(config: ProfilerConfig, store: Client, catalog: Callable[[], Catalog], pulse: Pulse) -> Loop:
    producer = make_producer({**PRODUCER_BOUNDS, **config.kafka, **_OURS})
    totals = Totals()
    dead_letters = DeadLetters(producer, config.topics)
    inputs, profiles = _partition_counts(config)
    gate = None
    if config.max_unread_bytes is not None:
        positions = group_positions(config.kafka, config.monitor_group, config.topics.profiles, profiles)
        gate = Unread(config.max_unread_bytes, positions, time.monotonic)
    publisher = Publisher(
        producer,
        config.topics.profiles,
        profiles,
        worker=config.worker,
        inputs=inputs,
        cadence=config.cadence,
        gate=gate,
    )
    heritage = Heritage(config.shard, catalog, LogEnds(config), cold_start=config.cold_start)
    keeper = Keeper(store, config.topics.prefix, config.cadence, heritage)
    switches = SwitchLog(producer, config.topics.history)
    shards = Shards(keeper, publisher, dead_letters, config.cadence, totals, pulse.beat, switches.tell)
    return Loop(
        config,
        shards,
        publisher,
        dead_letters,
        lambda loop: Inputs(config, loop.on_assign, loop.on_revoke),
        catalog,
        totals,
    )


def _partition_counts(config: ProfilerConfig) -> tuple[int, int]:
    """Partitions of the input topics, which must agree, and of the profiles topic."""
    topics = config.topics
    names = (topics.predictions, topics.labels, topics.profiles)
    counts = {name: partition_count(config.kafka, name) for name in names}
    if counts[topics.predictions] != counts[topics.labels]:
        raise ConfigurationError(
            f"{topics.predictions} has {counts[topics.predictions]} partitions and {topics.labels} has "
            f"{counts[topics.labels]}: they must have the same number, or a label never meets its prediction"
        )
    return counts[topics.predictions], counts[topics.profiles]
