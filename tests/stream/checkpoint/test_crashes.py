"""Random histories on a real store: killed owners, lost answers, zombies that wake up, calls that arrive late.

The application counts: record i of the input is appended to a log and added to a sum. Whatever happens, at the end
every record was counted once and the log holds each in order.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.checkpoint import Delta, Landed, Loaded, Ownership, ShardName, requests
from stream.checkpoint.requests import Call, Read, Request

SHARD = ShardName("", "profiler", 0)
RECORDS = 30
EVENTS = ("commit", "commit", "commit", "lost answer", "lost call", "late copy", "crash", "takeover", "zombie")
STEPS = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(1, 4)), max_size=40)


def ask(client: redis.Redis, request: Request) -> Any:
    return client.execute_command(*(request.args if isinstance(request, Read) else request.by_text))


def drive(client: redis.Redis, steps: Generator[Request, Any, Any]) -> Any:
    reply = None
    try:
        while True:
            reply = ask(client, steps.send(reply))
    except StopIteration as end:
        return end.value


@dataclass
class Worker:
    """An owner with its state in memory: how much it has read, and what it counted."""

    client: redis.Redis
    ownership: Ownership = field(default_factory=lambda: Ownership(SHARD))
    position: int = 0
    total: int = 0
    pending: Delta | None = None

    def start(self) -> "Worker":
        loaded = drive(self.client, self.ownership.take_over())
        assert isinstance(loaded, Loaded)
        self.position = loaded.offsets.get("predictions", 0)
        self.total = int(loaded.fields.get(b"total", b"0"))
        self.pending = None
        return self

    def read(self, count: int) -> Delta:
        """The next records as a delta; one in doubt comes first."""
        if self.pending is None:
            batch = range(self.position, min(self.position + count, RECORDS))
            self.total += sum(batch)
            self.position = batch.stop
            self.pending = Delta(
                fields={b"total": str(self.total).encode()},
                appends={"log": bytes(batch)},
                offsets={"predictions": self.position},
            )
        return self.pending

    def commit(self, count: int) -> None:
        outcome = drive(self.client, self.ownership.commit(self.read(count)))
        if isinstance(outcome, Landed):
            self.pending = None
        else:
            self.start()

    def send_only(self, count: int) -> Call:
        """The call a commit makes, not yet sent and never answered."""
        request = next(self.ownership.commit(self.read(count)))
        assert isinstance(request, Call)
        return request


@dataclass
class World:
    """The owner of now, owners of old that still run, and calls that the network holds back."""

    owner: Worker
    zombies: list[Worker] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)

    def happen(self, event: str, count: int) -> None:
        client = self.owner.client
        match event:
            case "commit":
                self.owner.commit(count)
            case "lost answer":
                ask(client, self.owner.send_only(count))
            case "lost call":
                self.late.append(self.owner.send_only(count))
            case "late copy":
                self.send(self.late)
            case "crash":
                self.owner = Worker(client).start()
            case "takeover":
                self.zombies.append(self.owner)
                self.owner = Worker(client).start()
            case _:
                self.send([zombie.send_only(count) for zombie in self.zombies])

    def send(self, calls: list[Call]) -> None:
        for call in calls:
            ask(self.owner.client, call)


def play(client: redis.Redis, history: list[tuple[str, int]]) -> Loaded:
    for key in client.scan_iter():
        client.delete(key)
    world = World(Worker(client).start())
    for event, count in history:
        world.happen(event, count)
    while world.owner.position < RECORDS or world.owner.pending is not None:
        world.owner.commit(7)
    loaded = drive(client, Ownership(SHARD).take_over())
    assert isinstance(loaded, Loaded)
    return loaded


def assert_exact(loaded: Loaded) -> None:
    assert loaded.buckets["log"] == bytes(range(RECORDS))
    assert loaded.fields[b"total"] == str(sum(range(RECORDS))).encode()
    assert loaded.offsets == {"predictions": RECORDS}


@given(STEPS)
@settings(max_examples=60)
def test_every_history_ends_exact(store_url: str, history: list[tuple[str, int]]) -> None:
    with redis.Redis.from_url(store_url) as client:
        assert_exact(play(client, history))


BROKEN = {
    "seq": [("if meta[2] == ARGV[3]", "if false"), ("if meta[2] ~= ARGV[2]", "if false")],
    "epoch": [("if meta[1] ~= ARGV[1]", "if false")],
}
HISTORIES = {
    "seq": [("commit", 3), ("lost answer", 2)],
    "epoch": [("commit", 3), ("takeover", 1), ("zombie", 2), ("commit", 1)],
}


@pytest.mark.parametrize("check", BROKEN)
def test_without_either_check_the_count_is_wrong(
    client: redis.Redis, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the simulation above can fail."""
    assert_exact(play(client, HISTORIES[check]))
    texts = {name: requests.script_text(name) for name in ("takeover", "checkpoint")}
    for old, new in BROKEN[check]:
        assert old in texts["checkpoint"]
        texts["checkpoint"] = texts["checkpoint"].replace(old, new)
    monkeypatch.setattr(requests, "script_text", texts.__getitem__)
    with pytest.raises(AssertionError):
        assert_exact(play(client, HISTORIES[check]))
