"""The checkpoint protocol, without I/O: generators that yield requests and are sent the replies.

Every request is safe to repeat, so whoever drives a generator repeats the request until it has an answer; the protocol
need not know. That is why one implementation serves the profiler's thread, the monitor's event loop and the tests,
which lose answers on purpose.

States of an owner: none -> owner -> (in doubt -> owner)* -> lost. In doubt: a delta was sent and no answer came; only
the same delta may follow, because the seq it may have taken is spoken for.
"""

from collections.abc import Generator
from dataclasses import dataclass

from stream.checkpoint.encoding import commit_calls
from stream.checkpoint.errors import OwnershipError, StateLostError, StateVersionError, TakenOverError
from stream.checkpoint.loading import load, read_hash
from stream.checkpoint.names import ShardName
from stream.checkpoint.requests import Call, Read, Reply, Request
from stream.checkpoint.values import Delta, Fenced, Landed, Loaded, Outcome, Resumed, Stale

STATE_FORMAT = 2
"""Raised when the meaning of stored state changes: older releases then refuse it."""


@dataclass(frozen=True)
class _Grant:
    """Answer to a takeover: our epoch, the state's seq, and whose epoch it was."""

    epoch: int
    seq: int
    before: int


class Ownership:
    """One owner's right to write one shard.

    Parameters
    ----------
    shard : ShardName
        Whose state it is.
    """

    def __init__(self, shard: ShardName) -> None:
        self.shard = shard
        self._epoch: int | None = None
        self._seq = 0
        self._doubt: Delta | None = None
        self._lost = False
        self._before = 0

    @property
    def epoch(self) -> int:
        """Epoch of the last takeover, ms since the Unix epoch or more; raises OwnershipError before the first."""
        if self._epoch is None:
            raise OwnershipError(f"shard {self.shard.tag} was not taken over yet")
        return self._epoch

    @property
    def before(self) -> int:
        """Epoch that the last takeover ended; 0 when the store knew of none."""
        return self._before

    @property
    def seq(self) -> int:
        """Seq of the last checkpoint that landed; 0 before the first ever."""
        return self._seq

    @property
    def in_doubt(self) -> Delta | None:
        """The delta that was sent and not answered, if any."""
        return self._doubt

    @property
    def owned(self) -> bool:
        """Whether commits may still land, as far as is known here."""
        return self._epoch is not None and not self._lost

    def take_over(self, above: int = 0) -> Generator[Request, Reply, Loaded]:
        """Fence all older owners and load the state.

        Parameters
        ----------
        above : int
            An epoch that has existed, though the store may have lost it: the new one is greater.

        Raises
        ------
        StateVersionError
            The state was written by a newer release.
        StateLostError
            Keys of the state have vanished.
        TakenOverError
            Another owner came during the load.
        """
        grant = yield from self._grant(above)
        return (yield from self._load(grant))

    def retake(self) -> Generator[Request, Reply, Loaded | Resumed]:
        """Take over again after a pause; loads only if anybody else was there, or a delta is in doubt.

        Raises as `take_over`.
        """
        mine, trusted = self._epoch, self.owned and self._doubt is None
        grant = yield from self._grant()
        if self._seq and not grant.before:
            raise self._vanished()
        if trusted and (grant.before, grant.seq) == (mine, self._seq):
            self._begin(grant)
            return Resumed(grant.epoch, grant.seq)
        return (yield from self._load(grant))

    def forget(self) -> Generator[Request, Reply, None]:
        """Drop the whole state, whatever it is like; for a person's explicit wish only. Take over afterwards.

        Raises
        ------
        TakenOverError
            Another owner came meanwhile: the state is theirs.
        """
        epoch = yield Read(("HGET", self.shard.meta, "epoch"))
        buckets = yield from read_hash(self.shard.buckets)
        keys = (*self.shard.fixed, *(self.shard.bucket(name.decode()) for name in buckets))
        status, *_ = yield Call("forget", keys, (epoch or b"",))
        # The answer to a first attempt may have been lost: then there is nothing left to forget.
        if status != b"forgotten" and (yield Read(("HGET", self.shard.meta, "seq"))) != b"0":
            raise TakenOverError(f"another owner took {self.shard.tag} while its state was dropped")
        self._epoch, self._seq, self._doubt, self._lost = None, 0, None, False

    def commit(self, delta: Delta) -> Generator[Request, Reply, Outcome]:
        """Write `delta` as the next checkpoint; after Fenced or Stale this owner writes no more until it takes over.

        Raises
        ------
        StateLostError
            The store holds nothing of the shard any more, though this owner wrote to it.
        OwnershipError
            No takeover yet, the shard was lost, or another delta is in doubt.
        """
        if not self.owned:
            raise OwnershipError(f"shard {self.shard.tag} is not owned: take it over first")
        if self._doubt is not None and self._doubt is not delta:
            raise OwnershipError("the delta before is in doubt: commit that very one again")
        self._doubt = delta
        for call in commit_calls(self.shard, delta, self.epoch, self._seq + 1):
            outcome = _judge((yield call))
            if outcome is not None:
                return self._settle(outcome)
        raise StateLostError(f"{self.shard.tag}: the store did not answer the checkpoint's last call")

    def _settle(self, outcome: Outcome) -> Outcome:
        self._doubt = None
        if isinstance(outcome, Landed):
            self._seq = outcome.seq
            return outcome
        self._lost = True
        # An owner without a checkpoint has lost nothing but its takeover: a replica may not have heard of it yet.
        if isinstance(outcome, Fenced) and outcome.epoch is None and self._seq:
            raise self._vanished()
        return outcome

    def _vanished(self) -> StateLostError:
        return StateLostError(
            f"Redis holds nothing of {self.shard.tag} any more, though this worker wrote it up to checkpoint "
            f"{self._seq}: was Redis flushed, or restarted without its append-only file?"
        )

    def _grant(self, above: int = 0) -> Generator[Request, Reply, _Grant]:
        status, *rest = yield Call("takeover", self.shard.fixed, (STATE_FORMAT, above))
        if status == b"newer":
            raise StateVersionError(
                f"state of {self.shard.tag} has format {rest[0].decode()}, this release reads up to {STATE_FORMAT}: "
                "run the release that wrote it, or a newer one"
            )
        if status == b"lost":
            what, expected, found = (part.decode() for part in rest)
            raise StateLostError(
                f"Redis holds {found} of {expected} entries of {self.shard.tag}:{what}: was a key evicted or deleted? "
                "Set maxmemory-policy to noeviction"
            )
        if status != b"owner":
            raise OwnershipError(f"{status!r} is no answer to a takeover: the client must not decode responses")
        return _Grant(*map(int, rest))

    def _load(self, grant: _Grant) -> Generator[Request, Reply, Loaded]:
        try:
            stored = yield from load(self.shard)
        except StateLostError:
            # Torn by another owner's writes, or really lost: only the owner of now can tell.
            if not (yield from self._still(grant.epoch)):
                raise TakenOverError(f"another owner took {self.shard.tag} while it was loaded") from None
            raise
        if int(stored.meta.get(b"epoch", 0)) != grant.epoch:
            raise TakenOverError(f"another owner took {self.shard.tag} while it was loaded")
        self._begin(grant)
        return Loaded(grant.epoch, grant.seq, stored.fields, stored.buckets, stored.offsets, stored.unpublished)

    def _still(self, epoch: int) -> Generator[Request, Reply, bool]:
        stored = yield Read(("HGET", self.shard.meta, "epoch"))
        return stored is not None and int(stored) == epoch

    def _begin(self, grant: _Grant) -> None:
        self._epoch, self._seq, self._doubt, self._lost = grant.epoch, grant.seq, None, False
        self._before = grant.before


def _judge(reply: Reply) -> Outcome | None:
    """Translate a script's answer; None: a piece was staged, go on."""
    status, value, *more = reply
    match status:
        case b"landed":
            return Landed(int(value), repeated=more[0] == b"repeated")
        case b"fenced":
            return Fenced(int(value) if value else None)
        case b"stale":
            return Stale(int(value) if value else None)
    return None
