"""The page on configuration is whole: each setting, topic and metric there is, with its default."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from stream.config import Settings
from stream.errors import TidegaugeError
from stream.kafka.topics import DAY_MS, FOR_EVER, TopicNames, TopicSpec, topic_specs

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
METRICS = {
    name
    for path in (ROOT / "stream" / "app").glob("*.py")
    for name in re.findall(r'"(tidegauge_\w+)"', path.read_text(encoding="utf-8"))
}
SPECS = list(topic_specs(TopicNames(), partitions=1, profile_partitions=1))
KEPT = {DAY_MS: "1 day", 7 * DAY_MS: "7 days", 30 * DAY_MS: "30 days", FOR_EVER: "for ever"}


def row_of(name: str) -> str:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and f"`{name}`" in line.split(" | ")[0]]
    assert len(rows) == 1, name
    return rows[0]


def settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from settings(type(field.default), f"{name}.")
        else:
            yield f"{prefix}{name}", field.default


@pytest.mark.parametrize(("name", "default"), list(settings()))
def test_each_setting_is_there_with_its_default(name: str, default: object) -> None:
    row = row_of(name)
    plain = isinstance(default, str) and default
    assert not plain or f"`{default}`" in row
    assert not isinstance(default, int) or default < 0 or str(default) in row


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_each_topic_is_there_with_its_retention(spec: TopicSpec) -> None:
    row = row_of(spec.name)
    retention = spec.settings.get("retention.ms")
    assert retention is None or KEPT[int(retention)] in row


@pytest.mark.parametrize("name", sorted(METRICS))
def test_each_metric_is_there(name: str) -> None:
    row_of(name)


def test_there_are_some_of_each() -> None:
    assert len(METRICS) > 15
    assert len(list(settings())) > 12


@pytest.mark.parametrize("error", [*TidegaugeError.__subclasses__(), TidegaugeError])
def test_each_exit_code_is_there(error: type[TidegaugeError]) -> None:
    assert re.search(rf"^\| {error.exit_code} \| \w", PAGE, re.MULTILINE)
