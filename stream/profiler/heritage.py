"""A shard's state as it was found, or without what is lost if a person asked for that: never reset in silence."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from stream.checkpoint import Loaded, Resumed, StateLostError, SyncRunner
from stream.checkpoint.fit import Log, Misfit, misfit
from stream.model.catalog import Catalog
from stream.profiler.checkpoints import Checkpoints
from stream.profiler.config import ShardConfig
from stream.profiler.shard import ShardCore

_LOG = logging.getLogger(__name__)


class AskLog(Protocol):
    """What Kafka holds of a shard; see `LogEnds`."""

    def __call__(self, shard: int) -> Log:
        """Return it, with what was committed; StoreUnavailableError: ask again."""


class Heritage:
    """Takes over what the last owner of a shard left.

    Parameters
    ----------
    config
        Rules of event time.
    catalog
        Gives the newest definitions.
    log
        Asks Kafka.
    cold_start
        Go on without what is lost, in place of StateLostError.
    """

    def __init__(
        self, config: ShardConfig, catalog: Callable[[], Catalog], log: AskLog, *, cold_start: bool = False
    ) -> None:
        self._config, self._catalog, self._log, self._cold_start = config, catalog, log, cold_start

    def take_over(self, runner: SyncRunner, parked: Checkpoints | None = None) -> Checkpoints:
        """Own the shard; `parked` is what this worker still has in memory of it.

        Raises
        ------
        StoreUnavailableError, TakenOverError
            Not now: call again.
        LostStateError
            The state is gone, damaged, newer than this release, or does not fit the log.
        """
        try:
            found = self._found(runner, parked)
        except StateLostError as error:
            if not self._cold_start:
                raise
            return self._begin_anew(runner, error.fact)
        log = self._log(runner.shard.shard)
        # Below the store's: an owner died before it committed, and with it perhaps what a failover made it owe. Not so
        # at zero, which is nobody's; and who still has its memory had paid what it owed before that was parked.
        if log.epoch > runner.before or (0 < log.epoch < runner.before and found is not parked):
            found = self._after_failover(runner, found, log)
        offsets = found.core.offsets
        trouble = misfit(runner.shard, offsets, log, fresh=not runner.seq)
        if trouble is None:
            return found
        if not self._cold_start:
            raise StateLostError(trouble.text)
        return self._go_on(runner, found, trouble, log)

    def _found(self, runner: SyncRunner, parked: Checkpoints | None) -> Checkpoints:
        if parked is None:
            return self._loaded(runner, runner.take_over())
        answer = runner.retake()
        if isinstance(answer, Resumed):
            parked.core.set_catalog(self._catalog())
            return parked.resumed(answer.epoch)
        return self._loaded(runner, answer)

    def _after_failover(self, runner: SyncRunner, found: Checkpoints, log: Log) -> Checkpoints:
        """Tell everything anew: the store may have lost an owner that Kafka knows of, and let an older one write.

        What that one told counts for nothing beside what the lost owner told under its higher epoch.
        """
        if log.epoch >= runner.epoch:  # the clock of the server that is the store now is behind
            found = self._loaded(runner, runner.take_over(log.epoch))
        found.owe_all()
        return found

    def _loaded(self, runner: SyncRunner, loaded: Loaded) -> Checkpoints:
        core = ShardCore(runner.shard.shard, self._catalog(), self._config)
        try:
            core.load(loaded)
            return Checkpoints(core, loaded.epoch, loaded.seq, loaded)
        except (ValueError, LookupError, TypeError, OverflowError, AttributeError) as error:
            # Whatever bytes that nobody wrote make of a decoder: msgspec's errors and SnapshotError are ValueErrors.
            text = f"the state of {runner.shard.tag} cannot be read, is it damaged? ({error})"
            raise StateLostError(text) from error

    def _go_on(self, runner: SyncRunner, found: Checkpoints, trouble: Misfit, log: Log) -> Checkpoints:
        if trouble.trouble == "recreated":
            return self._begin_anew(runner, trouble.text)
        return self._mark(found, trouble.text, log)

    def _begin_anew(self, runner: SyncRunner, text: str) -> Checkpoints:
        runner.forget()
        fresh = self._loaded(runner, runner.take_over())
        return self._mark(fresh, text, self._log(runner.shard.shard))

    def _mark(self, checkpoints: Checkpoints, text: str, log: Log) -> Checkpoints:
        """Claim the logs' beginnings, so that the next checkpoint holds that the loss was accepted."""
        core = checkpoints.core
        for role, span in log.spans.items():
            core.skip_to(role, span.start)
        core.loss, core.loss_ms = text, int(time.time() * 1000)
        _LOG.warning("shard %d goes on without what is lost (--cold-start): %s", core.shard, text)
        return checkpoints
