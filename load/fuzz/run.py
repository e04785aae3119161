"""Feed a seeded stream of spoiled messages; find the message that a failure is about."""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from load.fuzz.mutations import SPOILS
from load.fuzz.samples import START_MS, encode, sample
from load.fuzz.subject import Subject

GOOD_SHARE: Final = 0.3
"""Of messages left as they were: the fast path must meet spoiled ones in its midst, and rows must join."""
NONE_SHARE: Final = 0.003
CORE_MESSAGES: Final = 10_000
"""After so many a new core is taken: one watermark in the year 9000 makes everything after it late."""
SIZES: Final = (1, 2, 10, 100, 500)

Batch = tuple[str, list[bytes | None], list[int]]


@dataclass
class Verdict:
    """How a run ended. `failures` are sentences, each with the message it is about."""

    messages: int
    seconds: float
    reasons: Counter[str]
    failures: list[str] = field(default_factory=list)


def batches(seed: int, events: int) -> Iterator[Batch]:
    """Yield batches of about `events` messages in all, the same ones for the same seed."""
    rng = random.Random(seed)
    left, at_ms = events, START_MS
    while left > 0:
        role = rng.choice(("predictions", "labels"))
        size = min(rng.choice(SIZES), left)
        share = rng.choice((GOOD_SHARE, GOOD_SHARE, 1.0))  # a batch without a fault takes the fast path
        values, broker_ms = [], []
        for _ in range(size):
            at_ms += rng.randrange(2_000)
            values.append(message(role, rng, at_ms, share))
            broker_ms.append(-1 if rng.random() < 0.001 else at_ms)
        left -= size
        yield role, values, broker_ms


def message(role: str, rng: random.Random, at_ms: int, good_share: float) -> bytes | None:
    """Return one message, spoiled or not; None is a tombstone."""
    event = sample(role, rng, at_ms)
    chance = rng.random()
    if chance < good_share:
        return encode(event)
    if chance > 1 - NONE_SHARE:
        return None
    return rng.choice(SPOILS)(rng, event)


def fuzz(seed: int, events: int, *, progress: bool = False) -> Verdict:
    """Run; a failing batch is reduced to the message it is about, and the run goes on with a new core."""
    subject, failures, started = Subject(), [], time.perf_counter()
    renew_at = CORE_MESSAGES
    for number, batch in enumerate(batches(seed, events)):
        try:
            subject.feed(*batch)
            if subject.messages >= renew_at:
                renew_at += CORE_MESSAGES
                subject.close()
        except Exception as error:  # noqa: BLE001 - any is a finding
            failures.append(f"seed {seed}, batch {number}: {type(error).__name__}: {error}\n    {culprit(batch)}")
            subject.messages += len(batch[1])
            subject.discard()
        if progress and number % 200 == 0:
            print(f"\r{subject.messages:12,} messages, {len(failures)} failures", end="", file=sys.stderr, flush=True)
    try:
        subject.close()
    except Exception as error:  # noqa: BLE001 - the same
        failures.append(f"seed {seed}, at the end: {type(error).__name__}: {error}")
    return Verdict(subject.messages, time.perf_counter() - started, subject.reasons, failures)


def culprit(batch: Batch) -> str:
    """Return the first message of a batch that fails by itself, or say that none does."""
    role, values, broker_ms = batch
    for value, at_ms in zip(values, broker_ms, strict=True):
        try:
            subject = Subject()
            subject.feed(role, [value], [at_ms])
            subject.close()
        except Exception as error:  # noqa: BLE001 - any is what is looked for
            return f"{role}, {type(error).__name__} by itself: {value!r:.400}"
    return f"{role}, only together: {len(values)} messages"
