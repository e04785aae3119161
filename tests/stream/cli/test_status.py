"""What `tidegauge status` says beside its tables: rows that are in no window, alerts of models without a row."""

import pytest

from stream.cli import survey
from stream.cli.status import firing_beside, left_out, status
from stream.cli.survey import ShardState, Survey
from stream.config import Settings
from stream.model.catalog import Catalog
from stream.model.compile import compile_model
from stream.monitor.alert_book import AlertKey
from stream.profiler.counts import TopicCounts
from stream.profiler.state import Meta
from tidegauge.definition import Definition


def shard(number: int, predictions: TopicCounts) -> ShardState:
    meta = Meta(predictions=predictions, labels=TopicCounts(rows=5, accepted=5))
    return ShardState(number, 1, 1, "worker-0", {}, meta, 0)


def test_reasons_are_summed_over_shards_the_most_frequent_first() -> None:
    shards = [
        shard(0, TopicCounts(late=2, dead={"not_json": 1}, dropped={"late_beyond_retention": 1_200})),
        shard(1, TopicCounts(dead={"not_json": 2}, dropped={"late_beyond_retention": 34, "duplicate": 1})),
    ]
    (line,) = left_out(shards)
    assert line.startswith("predictions, rows that are late, left out or dead letters: ")
    assert line.endswith(": 1,234 late_beyond_retention, 3 not_json, 2 late, 1 duplicate")


def test_nothing_is_said_when_every_row_is_in_a_window() -> None:
    assert list(left_out([shard(0, TopicCounts(rows=3, accepted=3))])) == []


def test_what_fires_and_has_no_row_is_said() -> None:
    firing = [
        AlertKey("new", "v2", "", "latency"),
        AlertKey("new", "v1", "", "errors"),
        AlertKey("declared", "v1", "", "score"),
        AlertKey("*", "profiles[1]", "", "tidegauge.state"),
    ]
    assert list(firing_beside({"declared"}, firing)) == [
        "firing, of every model: tidegauge.state",
        "firing, of new, which nobody declared: errors latency",
    ]


@pytest.mark.parametrize("name", ["fraud[v2]", "a[/b]", "team:fire:x"])
def test_names_are_printed_as_they_are(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = Catalog().with_revision(compile_model(Definition(model=name)))

    def found(_: Settings) -> Survey:
        return Survey(catalog, (), {}, (), {})

    monkeypatch.setattr(survey, "survey", found)
    status()
    assert f" {name} " in capsys.readouterr().out
