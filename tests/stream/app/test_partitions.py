"""Partition counts are kept beside the state, and compared."""

import asyncio

import pytest
import redis

from stream.app.partitions import PartitionWatch, changed, counts, keep_counts
from stream.checkpoint import StateLostError
from stream.config import Settings
from stream.errors import UnreachableError

FOUR = {"predictions": 4, "labels": 4, "profiles": 2}


def settings(url: str) -> Settings:
    return Settings.model_validate({"redis": {"url": url}})


def test_growth_is_a_sentence_and_absence_is_none() -> None:
    assert changed(FOUR, FOUR) == ""
    assert changed(FOUR, {"predictions": 4}) == ""
    text = changed(FOUR, {**FOUR, "labels": 5})
    assert "labels has 5 partitions, and had 4" in text
    assert "another prefix" in text


def test_counts_are_those_of_the_topics_that_state_depends_on(store_url: str) -> None:
    assert counts(settings(store_url), {**FOUR, "alerts": 9, "x.labels": 1}) == FOUR


def test_growth_between_two_starts_ends_the_worker_unless_asked_for(store_url: str, client: redis.Redis) -> None:
    keep_counts(settings(store_url), FOUR, cold_start=False)
    keep_counts(settings(store_url), FOUR, cold_start=False)
    grown = {**FOUR, "predictions": 6, "labels": 6}
    with pytest.raises(StateLostError, match="labels has 6 partitions"):
        keep_counts(settings(store_url), grown, cold_start=False)
    keep_counts(settings(store_url), grown, cold_start=True)
    keep_counts(settings(store_url), grown, cold_start=False)


def test_growth_under_a_running_worker_ends_it() -> None:
    answers = iter([FOUR, None, {**FOUR, "profiles": 3}])

    def ask() -> dict[str, int]:
        answer = next(answers)
        if answer is None:
            raise UnreachableError("Kafka is away for a moment")
        return answer

    async def run() -> list[BaseException]:
        failures: list[BaseException] = []
        watch = PartitionWatch(ask, FOUR, failures.append, seconds=0.01)
        await watch.start()
        async with asyncio.timeout(10):
            while not failures:  # noqa: ASYNC110 - a callback, not an event
                await asyncio.sleep(0.01)
        await watch.stop()
        return failures

    [error] = asyncio.run(run())
    assert isinstance(error, StateLostError)
    assert "profiles has 3 partitions" in str(error)
