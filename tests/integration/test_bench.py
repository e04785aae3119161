"""The benchmark's harness, with tiny counts: everybody counts what there was. No time is asserted."""

from pathlib import Path

import pytest

from load.bench.contestants import CONTESTANTS
from load.bench.run import Plan, run_all
from load.generate import PREDICTION, LoadSpec, Source
from load.peers.install import install
from load.servers import Servers

pytestmark = pytest.mark.integration
OURS = tuple(c.name for c in CONTESTANTS if c.peer is None)


def measure(only: tuple[str, ...], bootstrap: str, redis_url: str, folder: Path) -> None:
    plan = Plan(events=2_000, repeats=1, only=only, per_second=500.0)
    rows, about = run_all(plan, Servers(bootstrap, redis_url), folder)
    assert "15 numeric and 5 categorical features" in about
    assert {name: [r.problem for r in row.results] for name, row in rows.items()} == {name: [""] for name in only}
    assert all(row.good[0].messages == 4_000 // next(c.share for c in CONTESTANTS if c.name == row.name) or
               row.good[0].messages == 1_000 for row in rows.values())  # fmt: skip
    assert all(row.cpu_us > 0 and row.good[0].peak_rss_bytes > 0 for row in rows.values())


def test_ours_and_the_limits(bootstrap: str, real_redis_url: str, tmp_path: Path) -> None:
    measure(OURS, bootstrap, real_redis_url, tmp_path)


@pytest.mark.peers
@pytest.mark.parametrize("name", [c.name for c in CONTESTANTS if c.peer is not None])
def test_a_peer(bootstrap: str, real_redis_url: str, tmp_path: Path, name: str) -> None:
    peer = next(c.peer for c in CONTESTANTS if c.name == name)
    assert peer is not None
    install(peer)
    measure((name,), bootstrap, real_redis_url, tmp_path)


def test_the_same_seed_makes_the_same_bytes() -> None:
    spec = LoadSpec(seed=7, models=3, segments=2, label_ratio=0.5)
    first, again = Source(spec).all(300), Source(spec).all(300)
    assert first == again
    assert first != Source(LoadSpec(seed=8, models=3, segments=2, label_ratio=0.5)).all(300)
    times = [message.at_ms for message in first.messages]
    assert times == sorted(times)
    assert len(first.of(PREDICTION)) == 300
