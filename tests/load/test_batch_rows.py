"""The three forms that are compared hold the same rows, and each is counted to the last one."""

import pytest

from load.batch_rows import core_seconds, decode_seconds, forms
from load.core.models import catalog_of
from load.generate import LoadSpec
from load.generate.draw import Drawer
from stream.profiler.shard import ShardCore
from tidegauge import decode_prediction_message

ROWS = 120
SPEC = LoadSpec(per_second=100.0)


def test_every_form_is_counted_whole() -> None:
    every = forms(SPEC, Drawer(SPEC).draw(ROWS), 50)
    assert [(form.name, len(form.messages)) for form in every] == [("rows", ROWS), ("lists", 3), ("packed", 3)]
    for form in every:
        assert core_seconds(form, catalog_of(SPEC), ROWS) > 0
        assert decode_seconds(form) > 0
    _, lists, packed = every
    assert lists.messages != packed.messages
    assert [*map(decode_prediction_message, lists.messages)] == [*map(decode_prediction_message, packed.messages)]


def test_a_row_that_is_lost_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, *_ = forms(SPEC, Drawer(SPEC).draw(ROWS), 50)
    monkeypatch.setattr(ShardCore, "predictions", lambda *_: [])
    with pytest.raises(RuntimeError, match="rows"):
        core_seconds(rows, catalog_of(SPEC), ROWS)
