"""One log, read in small batches, and by more workers than there are partitions under the new group protocol.

Each answer is compared with what one thread makes of the log, and with the others. `make any-number` does more.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import kafka, redis

from load.chaos.any_number import VARIANTS, Comparison, Variant, differences
from load.chaos.installation import Installation
from load.chaos.servers import Servers
from load.chaos.verdict import Verdict
from tests.integration.conftest import require

pytestmark = pytest.mark.integration
CHOSEN = [variant for variant in VARIANTS if variant.name in {"small-batches", "new-protocol-crowd"}]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Comparison, Installation]]:
    require(kafka.missing())
    require(redis.missing())
    folder = tmp_path_factory.mktemp("any-number")
    servers = Servers(folder / "servers").start()
    try:
        compared = Comparison(servers, Path(folder))
        yield compared, compared.write_log(seed=2, minutes=4)
    finally:
        servers.stop()


@pytest.fixture(scope="module")
def first() -> list[Verdict]:
    return []


@pytest.mark.parametrize("variant", CHOSEN, ids=lambda variant: variant.name)
def test_the_same_log_gives_the_same_answer(
    comparison: tuple[Comparison, Installation], first: list[Verdict], variant: Variant
) -> None:
    verdict = comparison[0].read(variant, comparison[1])
    assert not verdict.problems, verdict.problems[:20]
    assert verdict.expected.alerts
    first.append(verdict)
    assert not differences(verdict, first[0])
