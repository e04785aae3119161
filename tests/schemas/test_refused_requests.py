"""What a leader refuses at first is not lost, nor overtaken: of what was reported as delivered, everything arrived."""

import pytest

from tests.schemas.conftest import Reader
from tests.servers.refusing_leader import RefusingLeader
from tidegauge import Recorder

pytestmark = pytest.mark.embedded

WAIT_SECONDS = 10.0


def record_two(leader: RefusingLeader, prefix: str, **settings: int) -> None:
    """Record two events, the second once the first is on its way; the Recorder must say that both were delivered."""
    servers = {"bootstrap.servers": leader.bootstrap, "linger.ms": 0, **settings}
    with Recorder(servers, model="planner", prefix=prefix) as recorder:
        recorder.log(prediction_id="same", features={"temp": 1.0}, prediction=0.25)
        assert leader.holding.wait(WAIT_SECONDS)
        recorder.log(prediction_id="same", features={"temp": 2.0}, prediction=0.75)
        assert recorder.flush(WAIT_SECONDS)
        assert recorder.stats.delivered == 2


def test_a_request_that_was_refused_arrives_before_the_next(mock_cluster: str, prefix: str, read: Reader) -> None:
    with RefusingLeader(mock_cluster) as leader:
        record_two(leader, prefix)
    first, second = read(f"{prefix}predictions", 2)
    assert b"0.25" in first.value()
    assert b"0.75" in second.value()


def test_with_more_requests_at_a_time_librdkafka_loses_what_it_reports(
    mock_cluster: str, prefix: str, read: Reader
) -> None:
    """The control: why the Recorder has one request at a time."""
    with RefusingLeader(mock_cluster) as leader:
        record_two(leader, prefix, **{"max.in.flight.requests.per.connection": 5})
    (only,) = read(f"{prefix}predictions", 1)
    assert b"0.75" in only.value()
