"""`apply` and `reference build` against a broker inside the process, from files to the catalog of a worker."""

import json
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from stream.cli.apply import apply as apply_command
from stream.cli.reference import app as reference_command
from stream.cli.schema import schema as schema_command
from stream.definitions import newest_event
from stream.definitions.apply import apply_file, apply_reference
from stream.definitions.newest_event import newest_event_ms
from stream.definitions.reader import DefinitionReader
from stream.definitions.yaml_file import DefinitionFileError
from stream.errors import ConfigurationError, UnreachableError
from stream.kafka.topics import TopicNames
from stream.model.catalog import Catalog
from stream.model.compiled import ALWAYS_MS, SCORE
from stream.reference.build import BuiltReference, build_reference
from stream.reference.table import ReferenceFileError
from tidegauge.codec import encode_profiles
from tidegauge.profiles import ShardWatermark, WatermarkReport

TOPICS = TopicNames()
MARCH_MS = 1_362_500_000_000  # 2013-03-05 16:13:20 UTC


def catalog(kafka: Mapping[str, str]) -> Catalog:
    with closing(DefinitionReader(kafka, TOPICS.models)) as reader:
        return reader.read_to_end(10)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def text_of(lines: tuple[str, ...]) -> str:
    return "\n".join(lines)


def test_a_file_becomes_a_model_with_grids_and_a_reference(kafka: dict[str, str], planner: Path) -> None:
    applied = apply_file(planner, kafka, TOPICS)
    seen = catalog(kafka)
    compiled = seen.compiled_for("planner", 0)
    assert not compiled.learning
    assert (compiled.numeric, compiled.categorical) == (("temp",), ("carrier",))
    assert set(compiled.grids) == {"temp", "carrier", SCORE}
    assert seen.reference_for("planner") == applied.reference
    assert applied.reference is not None
    # Every body was counted in the layouts that the published definition has.
    assert {p.layout for p in applied.reference.profiles} <= set(compiled.layouts.values())


def test_applying_again_changes_nothing(kafka: dict[str, str], planner: Path) -> None:
    apply_file(planner, kafka, TOPICS)
    again = apply_file(planner, kafka, TOPICS, newest_event_ms=MARCH_MS)
    assert again.change.records == ()
    assert again.changes == ("planner: nothing changes",)


def test_a_dry_run_publishes_nothing_and_says_what_could_be_detected(kafka: dict[str, str], planner: Path) -> None:
    applied = apply_file(planner, kafka, TOPICS, dry_run=True)
    assert catalog(kafka).models == ()
    said = text_of(applied.detectable())
    assert "drift of 2 features, 1d windows (28 blocks): sees PSI above" in said
    assert "log_loss at 1h, 1d windows (28 blocks): healthy 0." in said
    assert "warning: 0.01 is asked for; below" in said
    assert "traffic, 1d windows (28 blocks): healthy 200 always; sees every change" in said
    assert "latency: more than 1.000% of requests" in said
    assert "new, 6 monitors" in text_of(applied.changes)


def test_windows_of_too_few_blocks_are_said_never_to_alert(kafka: dict[str, str], planner: Path) -> None:
    edit(planner, "windows: [1d]", "windows: [1d, 7d]")
    said = text_of(apply_file(planner, kafka, TOPICS, dry_run=True).detectable())
    assert "7d windows: reported, never alert: the reference has 4 blocks of this length, 8 are needed" in said


def test_a_change_is_told_key_by_key_and_begins_at_a_boundary(kafka: dict[str, str], planner: Path) -> None:
    apply_file(planner, kafka, TOPICS)
    edit(planner, "windows: [1d]", "windows: [1d, 1h]")
    edit(planner, "  - coverage: {}\n", "  - calibration: {min_effect: 0.1}\n")
    said = text_of(apply_file(planner, kafka, TOPICS, newest_event_ms=MARCH_MS).changes)
    assert "planner: - windows: [1d]\nplanner: + windows: [1d, 1h]" in said
    assert "planner: - monitor coverage {}\nplanner: + monitor calibration {min_effect: 0.1}" in said
    assert "planner: definition holds from 2013-03-06 00:00:00 UTC (event time)" in said
    revisions = catalog(kafka).revisions("planner")
    assert [len(r.definition.windows) for r in revisions] == [1, 2]
    assert revisions[0].effective_from_ms == ALWAYS_MS


def test_another_reference_keeps_the_cells_of_the_one_before(
    kafka: dict[str, str], planner: Path, february: Path
) -> None:
    apply_file(planner, kafka, TOPICS)
    table = pq.read_table(february)
    warmer = table.set_column(table.column_names.index("temp"), "temp", pa.compute.add(table["temp"], 100.0))
    path = planner.parent / "july.parquet"
    pq.write_table(warmer, path)
    before = catalog(kafka)
    applied = apply_reference(path, "planner", kafka, TOPICS, held_out=True, newest_event_ms=MARCH_MS)
    after = catalog(kafka)
    assert applied.change.definition_from_ms is None
    assert len(after.revisions("planner")) == len(before.revisions("planner")) == 1
    assert after.reference_for("planner", MARCH_MS) == before.reference_for("planner")
    assert after.reference_for("planner") == applied.reference
    anew = apply_reference(path, "planner", kafka, TOPICS, held_out=True, newest_event_ms=MARCH_MS, new_grids=True)
    assert "other grids: __score__" not in text_of(anew.changes)
    assert "1 other grids: temp; their windows begin again" in text_of(anew.changes)


def test_a_model_without_a_reference_file_is_learnt(kafka: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("model: m\nreference: {learn: 14d}")
    applied = apply_file(path, kafka, TOPICS)
    assert catalog(kafka).compiled_for("m", 0).learning
    assert applied.reference is None
    assert "learnt from the stream (14d)" in text_of(applied.detectable())


def test_a_reference_is_in_force_until_what_is_to_be_learnt_takes_its_place(
    kafka: dict[str, str], planner: Path
) -> None:
    built = apply_file(planner, kafka, TOPICS).reference
    edit(planner, "{file: february.parquet, held_out: true}", "{learn: 14d}")
    applied = apply_file(planner, kafka, TOPICS, newest_event_ms=MARCH_MS)
    again = apply_file(planner, kafka, TOPICS, newest_event_ms=MARCH_MS)
    assert built == applied.reference == again.reference == catalog(kafka).reference_for("planner")
    assert "learnt from the stream" not in text_of(again.detectable())


def test_types_and_grids_stay_when_the_file_names_none(kafka: dict[str, str], planner: Path) -> None:
    apply_file(planner, kafka, TOPICS)
    edit(planner, "{file: february.parquet, held_out: true}", "{learn: 14d}")
    apply_file(planner, kafka, TOPICS, newest_event_ms=MARCH_MS)
    newest = catalog(kafka).revisions("planner")[-1]
    assert newest.definition.reference.learn == "14d"
    assert not newest.learning


def test_an_in_sample_reference_gives_no_baseline(kafka: dict[str, str], planner: Path) -> None:
    edit(planner, "held_out: true", "held_out: false")
    applied = apply_file(planner, kafka, TOPICS, dry_run=True)
    assert "in sample: no baseline of performance" in text_of(applied.changes)
    assert "log_loss, 1d windows (28 blocks): no baseline in this reference" in text_of(applied.detectable())


def test_whether_the_model_was_trained_on_it_must_be_said(kafka: dict[str, str], planner: Path) -> None:
    edit(planner, ", held_out: true", "")
    with pytest.raises(DefinitionFileError, match=r"planner\.yaml:5: reference\.held_out: say `held_out: true`"):
        apply_file(planner, kafka, TOPICS)


def test_a_reference_that_is_not_there_is_named(kafka: dict[str, str], planner: Path) -> None:
    (planner.parent / "february.parquet").unlink()
    with pytest.raises(ReferenceFileError, match=r"february\.parquet: no such file"):
        apply_file(planner, kafka, TOPICS)


def test_a_reference_needs_a_declared_model(kafka: dict[str, str], february: Path) -> None:
    with pytest.raises(ConfigurationError, match="run `tidegauge apply -f FILE` first"):
        apply_reference(february, "nobody", kafka, TOPICS, held_out=True)


def test_the_newest_event_is_the_greatest_any_shard_reports(kafka: dict[str, str]) -> None:
    assert newest_event_ms(kafka, TOPICS) is None
    assert newest_event_ms(kafka, TopicNames("absent.")) is None
    shards = [ShardWatermark(shard, 1, 1, 5, 5, newest) for shard, newest in ((0, 70), (1, 90), (2, -1))]
    send(kafka, TOPICS.profiles, 0, encode_profiles(WatermarkReport("w", 4, shards)), b"garbage")
    assert newest_event_ms(kafka, TOPICS) == 90
    with pytest.raises(UnreachableError):
        newest_event_ms({"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}, TOPICS, 0.5)


def test_what_waits_to_be_read_counts_once_workers_read(kafka: dict[str, str]) -> None:
    event = {"prediction_id": "a", "model": "m", "features": {}, "prediction": 0.5}
    batch = {"type": "batch", "prediction_ids": ["b", "c"], "model": "m", "timestamps_ms": [400, 300]}
    send(kafka, TOPICS.predictions, 0, *(orjson.dumps({**event, "timestamp_ms": at}) for at in (500, 200)))
    send(kafka, TOPICS.predictions, 1, orjson.dumps(batch), b"garbage")
    assert newest_event_ms(kafka, TOPICS) is None  # nobody has counted anything: a change may hold for all of it
    send(kafka, TOPICS.profiles, 0, encode_profiles(WatermarkReport("w", 4, [ShardWatermark(0, 1, 1, 5, 5, 90)])))
    assert newest_event_ms(kafka, TOPICS) == 500
    # A clock that is ahead is not believed, as no shard believes it; a watermark is.
    send(kafka, TOPICS.predictions, 1, orjson.dumps({**event, "timestamp_ms": 1 << 52}))
    bound_ms = time.time() * 1000 + 10_000
    assert bound_ms - 60_000 < (newest_event_ms(kafka, TOPICS) or 0) <= bound_ms
    send(kafka, TOPICS.predictions, 2, orjson.dumps({"type": "watermark", "timestamp_ms": 1 << 51}))
    assert newest_event_ms(kafka, TOPICS) == 1 << 51


class Expired(Consumer):
    """Sees `profiles` as it is when workers were stopped for longer than it is kept: written, and empty."""

    def get_watermark_offsets(self, partition: TopicPartition, *args: Any, **kwargs: Any) -> Any:
        found = super().get_watermark_offsets(partition, *args, **kwargs)
        return (40, 40) if partition.topic == TOPICS.profiles else found


def test_reports_that_have_expired_do_not_make_a_change_hold_for_all_that_was_counted(
    kafka: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest_event, "make_consumer", Expired)
    now_ms = time.time() * 1000
    assert now_ms - 60_000 < (newest_event_ms(kafka, TOPICS) or 0) < now_ms + 60_000
    event = {"prediction_id": "a", "model": "m", "features": {}, "prediction": 0.5, "timestamp_ms": 500}
    send(kafka, TOPICS.predictions, 0, orjson.dumps(event))
    assert newest_event_ms(kafka, TOPICS) == 500


def send(kafka: dict[str, str], topic: str, partition: int, *values: bytes) -> None:
    producer = Producer(kafka)
    for value in values:
        producer.produce(topic, value, partition=partition)
    producer.flush(10)


def command(function: object) -> typer.Typer:
    app = typer.Typer()
    app.command()(function)  # type: ignore[type-var]  # typer takes any function
    return app


def test_the_commands_do_the_same(kafka: dict[str, str], planner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS", kafka["bootstrap.servers"])
    cli = CliRunner()
    dry = cli.invoke(command(apply_command), ["-f", str(planner), "--dry-run"], catch_exceptions=False)
    assert dry.stdout.splitlines()[-1] == "dry run: nothing was published"
    done = cli.invoke(command(apply_command), ["-f", str(planner)], catch_exceptions=False)
    assert "reference holds from the first event on" in done.stdout
    build = ["build", str(planner.parent / "february.parquet"), "--model", "planner"]
    with pytest.raises(ConfigurationError, match="say --held-out"):
        cli.invoke(reference_command, build, catch_exceptions=False)
    again = cli.invoke(reference_command, [*build, "--held-out"], catch_exceptions=False)
    assert again.stdout.startswith("planner: nothing changes")


@pytest.mark.parametrize("build", [False, True])
def test_how_far_event_time_has_come_is_asked_when_the_reference_is_there(
    kafka: dict[str, str], planner: Path, monkeypatch: pytest.MonkeyPatch, *, build: bool
) -> None:
    """A large file takes minutes to count, and a change must be announced a minute ahead."""
    apply_file(planner, kafka, TOPICS)
    monkeypatch.setenv("TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS", kafka["bootstrap.servers"])
    order: list[str] = []

    def counted(*args: Any, **kwargs: Any) -> BuiltReference:
        order.append("counted")
        return build_reference(*args, **kwargs)

    monkeypatch.setattr("stream.definitions.propose.build_reference", counted)
    monkeypatch.setattr(newest_event, "newest_event_ms", lambda *_: order.append("asked"))
    if build:
        file = str(planner.parent / "february.parquet")
        CliRunner().invoke(reference_command, ["build", file, "--model", "planner", "--held-out"])
    else:
        CliRunner().invoke(command(apply_command), ["-f", str(planner)])
    assert order == ["counted", "asked"]


def test_schemas_are_printed_as_json() -> None:
    shown = CliRunner().invoke(command(schema_command), ["prediction"], catch_exceptions=False)
    assert json.loads(shown.stdout)["title"] == "Prediction"
    with pytest.raises(ConfigurationError, match="did you mean `prediction`"):
        CliRunner().invoke(command(schema_command), ["predicton"], catch_exceptions=False)
