from aiokafka.errors import KafkaConnectionError

from stream.app.worker import _told
from stream.errors import UnreachableError


def test_kafka_that_goes_away_while_a_worker_starts_is_told_in_a_line_and_by_an_exit_code() -> None:
    told = _told(KafkaConnectionError("Unable to bootstrap from 127.0.0.1:1"))
    assert isinstance(told, UnreachableError)
    assert told.exit_code == 3
    assert "Kafka went away" in str(told)


def test_a_bug_stays_a_bug() -> None:
    bug = RuntimeError("no")
    assert _told(bug) is bug
