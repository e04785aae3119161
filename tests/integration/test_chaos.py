"""The short form of `make chaos`: in one run everything goes wrong once, and no number changes.

Nothing here is judged by the clock: a shared machine may stall for as long as it likes.
"""

import pytest
from servers import kafka, redis

from load.chaos import toxiproxy
from load.chaos.installation import PARTITIONS
from load.chaos.plan import FAULTS, NETWORK_FAULTS, full_plan
from load.chaos.run import Result, Run
from tests.integration.conftest import require

pytestmark = pytest.mark.integration
SEED, SPEED = 4, 15.0


@pytest.fixture(scope="module")
def result() -> Result:
    require(kafka.missing())
    require(redis.missing())
    without = NETWORK_FAULTS if toxiproxy.missing() else frozenset()
    return Run(full_plan(SEED, PARTITIONS, speed=SPEED, without=without), stall_seconds=None).play()


def test_everything_goes_wrong_and_no_number_changes(result: Result) -> None:
    assert not result.problems, f"{result.plan}\n{result.folder}\n" + "\n".join(result.problems[:20])


def test_there_was_something_to_get_wrong(result: Result) -> None:
    assert int(result.figures["alerts"]) > 10
    assert int(result.figures["refused writes"]) > 0


def test_every_kind_of_fault_was_there(result: Result) -> None:
    assert result.plan.names >= FAULTS.keys() - NETWORK_FAULTS
    if reason := toxiproxy.missing():
        pytest.skip(f"NO FAULTS OF THE NETWORK WERE TESTED: there is {reason}")
    assert result.plan.names == FAULTS.keys()
