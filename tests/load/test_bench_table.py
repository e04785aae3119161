"""What the benchmark's table compares, from results made up here; who is measured needs servers."""

import pytest

from load.bench.contestants import BY_NAME, CONTESTANTS
from load.bench.result import Result
from load.bench.table import Row, ratios


def row(name: str, *cpu_us: float) -> Row:
    return Row(name, [Result(messages=1_000_000, cpu_seconds=cpu, wall_seconds=1.0) for cpu in cpu_us])


def test_the_worker_is_compared_with_both_limits_by_medians() -> None:
    rows = {r.name: r for r in (row("limit", 2.0, 9.0, 2.0), row("limit-default", 3.0), row("worker", 5.0, 6.0, 7.0))}
    found = ratios(rows)
    assert found["d/b"] == pytest.approx(3.0)
    assert found["d/b'"] == pytest.approx(2.0)
    assert set(found) == {"d/b", "d/b'"}


def test_the_limit_has_the_workers_own_collector_and_every_row_says_what_it_measures() -> None:
    assert BY_NAME["limit"].collector == BY_NAME["worker"].collector
    assert BY_NAME["limit"].extra["calm"]
    told = [row(contestant.name, 1.0).object() for contestant in CONTESTANTS if contestant.peer is None]
    assert all(one["measured"] and one["batch"] >= 1 and one["collector"] for one in told)


def test_who_did_not_do_the_job_has_no_ratio() -> None:
    bad = Row("worker", [Result(messages=1, cpu_seconds=1.0, problem="counted 1 predictions instead of 2")])
    assert not ratios({"worker": bad, "limit": row("limit", 2.0)})
