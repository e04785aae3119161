"""The model of the store answers as a real Valkey does, command by command, and holds the same keys."""

import random
from typing import Any

import pytest
import redis

from simulation.store_model import ModelStore
from simulation.valkey_store import ValkeyStore
from stream.checkpoint import Delta, ShardName, encoding
from stream.checkpoint.encoding import commit_calls
from stream.checkpoint.loading import load
from stream.checkpoint.requests import Call, Read, Request

pytestmark = pytest.mark.embedded
SHARD = ShardName("", "profiler", 0)
BYTES = [b"", b"1", b"\x00\xff\r\n", b"x" * 300, "é".encode()]
FIELDS = [b"a", b"b", b"p|\x93", b"\x00", b"meta"]
BUCKETS = ["p|0", "l|600000", "l|1"]


class Both:
    """A request goes to the model and to the server; their answers must be the same."""

    def __init__(self, client: redis.Redis) -> None:
        self._time_ms = 0
        self.client = client
        self.server = ValkeyStore(client)
        self.model = ModelStore(lambda: self._time_ms)
        self.epoch = self.seq = 0
        self.seen: set[str] = set()

    def ask(self, request: Request) -> Any:
        args = request.args if isinstance(request, Read) else request.by_sha
        answer = self.server.execute_command(*args)
        if isinstance(request, Call) and answer[0] in {b"owner", b"forgotten"}:
            self._time_ms = int(answer[1])  # by the server's clock, or by one more than before: the model is told
            self.epoch, self.seq = int(answer[1]), int(answer[2]) if answer[0] == b"owner" else 0
        mine = self.model.execute_command(*args)
        assert mine == ([*answer] if isinstance(answer, tuple) else answer), request
        if isinstance(request, Call):
            self.seen.add(answer[0].decode() + (" again" if answer[-1] == b"repeated" else ""))
            if answer[0] == b"landed":
                self.seq = int(answer[1])
        return answer

    def compare(self) -> None:
        for key in (*SHARD.fixed[:4], SHARD.stage):
            theirs, mine = self.client.hgetall(key), self.model.hash(key)
            assert theirs.keys() == mine.keys()
            assert key == SHARD.stage or theirs == mine  # how a piece is packed is the server's own affair
        for bucket in BUCKETS:
            assert self.client.get(SHARD.bucket(bucket)) == self.model.strings.get(SHARD.bucket(bucket))
        steps, reply = load(SHARD), None
        while True:
            try:
                reply = self.ask(steps.send(reply))
            except StopIteration:
                return
            except Exception:  # noqa: BLE001 - a bucket that vanished: both said so, or `ask` would have failed
                return


def random_delta(rng: random.Random, seq: int) -> Delta:
    some = rng.sample(BUCKETS, rng.randrange(3))
    cut = rng.randrange(len(some) + 1)
    return Delta(
        fields={f: rng.choice([None, *BYTES]) for f in rng.sample(FIELDS, rng.randrange(5))},
        appends={name: rng.choice(BYTES[1:]) for name in some[:cut]},
        dropped=tuple(some[cut:]),
        offsets={t: rng.randrange(99) for t in rng.sample(["predictions", "labels"], rng.randrange(3))},
        unpublished=tuple(rng.sample(FIELDS, rng.randrange(4))),
        delivered={f: max(seq + rng.randrange(-3, 2), 0) for f in rng.sample(FIELDS, rng.randrange(4))},
    )


def act(both: Both, rng: random.Random) -> None:
    """One thing that an owner, an old owner, the network or an operator may do."""
    match rng.choice(
        ["commit"] * 6 + ["part", "repeat", "old owner", "wrong seq", "takeover", "lose", "newer", "forget"]
    ):
        case "takeover":
            both.ask(Call("takeover", SHARD.fixed, (1, rng.choice((0, both.epoch, both.epoch + 1_000_000)))))
        case "forget":
            epoch = rng.choice([both.model.hash(SHARD.meta).get(b"epoch", b""), b"7"])
            both.ask(Call("forget", (*SHARD.fixed, *map(SHARD.bucket, rng.sample(BUCKETS, 2))), (epoch,)))
        case "lose":
            key = rng.choice([*SHARD.fixed, *map(SHARD.bucket, BUCKETS)])
            if rng.random() < 0.2:
                both.client.delete(key)
                both.model.hashes.pop(key, None)
                both.model.strings.pop(key, None)
        case "newer":
            for value in (2, 1):
                both.client.hset(SHARD.meta, "format", value)
                both.model.hashes.setdefault(SHARD.meta, {})[b"format"] = str(value).encode()
                both.ask(Call("takeover", SHARD.fixed, (1, 0)))
        case what:
            epoch = both.epoch - (what == "old owner")
            seq = both.seq + 1 + (rng.choice([-1, 1, -2]) if what == "wrong seq" else 0)
            calls = commit_calls(SHARD, random_delta(rng, both.seq), epoch, seq)
            for call in calls if what != "part" else calls[rng.randrange(2) :]:
                both.ask(call)
                if what == "repeat":
                    both.ask(call)


def test_random_commands_end_alike(valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MAX_ITEMS", 5)
    seen: set[str] = set()
    for seed in range(60):
        rng, both = random.Random(seed), Both(valkey)
        both.ask(Call("takeover", SHARD.fixed, (1, 0)))
        for _ in range(25):
            act(both, rng)
            both.compare()
        seen |= both.seen
    assert seen == {
        "owner",
        "newer",
        "lost",
        "landed",
        "landed again",
        "fenced",
        "stale",
        "staged",
        "forgotten",
        "moved",
    }


def test_a_restored_store_is_the_saved_one(valkey: redis.Redis) -> None:
    both = Both(valkey)
    both.ask(Call("takeover", SHARD.fixed, (1, 0)))
    for call in commit_calls(SHARD, Delta(fields={b"a": b"1"}, appends={"p|0": b"xyz"}), both.epoch, 1):
        both.ask(call)
    saved = both.server.save(), both.model.save()
    for call in commit_calls(SHARD, Delta(fields={b"a": b"2"}, appends={"p|0": b"more"}), both.epoch, 2):
        both.ask(call)
    both.server.restore(saved[0])
    both.model.restore(saved[1])
    both.compare()
    assert both.model.hash(SHARD.fields) == {b"a": b"1"}
