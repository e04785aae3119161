import asyncio
from itertools import count

import pytest
from aiokafka.errors import KafkaConnectionError
from servers.ports import free_ports

from stream.app import startup
from stream.app.partitions import keep_counts
from stream.app.startup import insist
from stream.app.worker import _told
from stream.config import Settings
from stream.errors import UnreachableError


def test_kafka_that_goes_away_while_a_worker_starts_is_told_in_a_line_and_by_an_exit_code() -> None:
    told = _told(KafkaConnectionError("Unable to bootstrap from 127.0.0.1:1"))
    assert isinstance(told, UnreachableError)
    assert told.exit_code == 3
    assert "Kafka went away" in str(told)


def test_a_bug_stays_a_bug() -> None:
    bug = RuntimeError("no")
    assert _told(bug) is bug


def test_redis_that_goes_away_while_a_worker_starts_is_no_bug() -> None:
    settings = Settings.model_validate({"redis": {"url": f"redis://127.0.0.1:{free_ports(1)[0]}"}})
    with pytest.raises(UnreachableError, match=r"Redis did not answer .*check redis\.url"):
        keep_counts(settings, {"predictions": 4}, cold_start=False)


@pytest.mark.parametrize(("silent", "answers"), [(3, True), (1_000, False)])
def test_a_server_is_asked_again_for_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, *, silent: int, answers: bool
) -> None:
    monkeypatch.setattr(startup, "ATTEMPT_SECONDS", 0.0)
    asked = count(1)

    async def ask() -> None:
        if next(asked) <= silent:
            raise UnreachableError("away")

    clock = count()
    attempt = insist(ask, asyncio.Event(), clock=lambda: float(next(clock)))
    if answers:
        assert asyncio.run(attempt)
    else:
        with pytest.raises(UnreachableError, match="away"):
            asyncio.run(attempt)
    assert next(asked) == (silent + 2 if answers else 12)
