from pathlib import Path

import msgspec
import pytest

from tests.schemas.make_goldens import GOLDEN, generated, samples_encoded
from tests.schemas.samples import MESSAGES, PACKED, PROFILES
from tidegauge import schema
from tidegauge.codec import (
    Message,
    decode_alert,
    decode_batch,
    decode_definition,
    decode_label_message,
    decode_prediction_message,
    decode_profiles,
    decode_report,
    decode_retraining_request,
)
from tidegauge.columns import unpacked
from tidegauge.profiles import WatermarkReport

READERS = {
    "prediction": decode_prediction_message,
    "prediction_batch": decode_prediction_message,
    "label": decode_label_message,
    "feedback": decode_label_message,
    "watermark": decode_label_message,
    "alert": decode_alert,
    "report": decode_report,
    "retraining_request": decode_retraining_request,
    "definition": decode_definition,
}


def version_1(name: str) -> bytes:
    return (GOLDEN / "v1" / name).read_bytes()


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_bytes_of_version_1_are_read(name: str) -> None:
    assert READERS[name](version_1(f"{name}.json")) == MESSAGES[name]


def test_a_packed_batch_of_version_1_is_read() -> None:
    raw = version_1("prediction_batch_packed.json")
    assert decode_batch(raw) == PACKED
    assert decode_prediction_message(raw) == unpacked(PACKED)
    forms = {type(column).__name__ for column in (*PACKED.features.values(), PACKED.timestamps_ms)}
    assert forms == {"Float32Column", "Float64Column", "CategoryColumn", "Int64Column", "list"}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_profile_bytes_of_version_1_are_read(name: str) -> None:
    assert decode_profiles(version_1(f"{name}.msgpack")) == PROFILES[name]


def test_a_watermark_without_the_fields_that_came_later_is_read() -> None:
    old = msgspec.msgpack.encode(["watermarks", "w1", 4, [[3, 1, 7, -1, -1, -1, True]], 1])
    report = decode_profiles(old)
    assert isinstance(report, WatermarkReport)
    assert (report.shards[0].loss, report.shards[0].unlabelled) == ("", False)


@pytest.mark.parametrize("name", sorted(samples_encoded()))
def test_today_writes_version_1(name: str) -> None:
    assert samples_encoded()[name] == version_1(name)


@pytest.mark.parametrize("name", sorted(generated()))
def test_generated_documents_match_the_files(name: str) -> None:
    assert generated()[name] == (GOLDEN / name).read_text(encoding="utf-8"), "run python -m tests.schemas.make_goldens"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.glob("*.json")} == set(generated())
    assert {path.name for path in Path(GOLDEN, "v1").iterdir()} == set(samples_encoded())


def test_every_public_message_has_a_sample() -> None:
    assert {name: type(message) for name, message in MESSAGES.items()} == dict(schema.MESSAGES)


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - {"definition"}))
def test_samples_set_every_field(name: str) -> None:
    """A golden file that leaves a field at its default says nothing about it."""
    message: Message = MESSAGES[name]
    written = set(type(message).__struct_fields__)
    raw = version_1(f"{name}.json").decode()
    assert [field for field in written if f'"{field}"' not in raw] == []
