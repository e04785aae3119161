"""How curves are shown and written; measuring them needs servers, see the integration tests."""

import json
from pathlib import Path

import msgspec
import pytest

from load.curves.chart import draw
from load.curves.curve import Curve, Panel, text, write
from load.generate import LoadSpec
from load.generate.alike import declared, records_for_all
from load.generate.definition import Watch, write_definition
from stream.definitions.chain import DefinitionLog, Verdict

CURVE = Curve(
    "features",
    "one worker",
    [{"features": 5, "CPU us/event": 1.25, "note": "x"}, {"features": 500, "CPU us/event": 61.5, "note": "y"}],
    (Panel("us", ("CPU us/event",)), Panel("note", ("note",), log=True)),
)


def test_a_curve_is_written_as_one_object_and_drawn(tmp_path: Path) -> None:
    write(tmp_path / "features.json", CURVE, "2 x a processor")
    told = json.loads((tmp_path / "features.json").read_text(encoding="utf-8"))
    assert told["rows"] == CURVE.rows
    assert told["machine"] == "2 x a processor"
    draw(tmp_path / "features.png", CURVE, "2 x a processor")
    assert (tmp_path / "features.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("value", "shown"), [(5, "5"), (1_000_000, "1,000,000"), (0.01234, "0.0123"), (12_345.6, "12,346"), ("x", "x")]
)
def test_figures_have_three_digits_that_count(value: float | str, shown: str) -> None:
    assert text(value) == shown


def test_many_models_are_declared_alike_and_each_with_a_reference_of_its_own(tmp_path: Path) -> None:
    watch = Watch(reference_seconds=120.0, reference_per_second=5.0, traffic=False)
    path = write_definition(tmp_path, LoadSpec(models=3, numeric=2, categorical=1), watch)
    log = DefinitionLog()
    records = list(records_for_all(path, ["model-0", "model-1", "model-2"]))
    verdicts = [log.apply(record, offset) for offset, (_, record) in enumerate(records)]
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.STORED}
    histories = [log.history(f"model-{n}") for n in range(3)]
    newest = [history.newest for history in histories]
    assert all(revision is not None for revision in newest)
    plain = [msgspec.structs.replace(revision.definition, model="") for revision in newest if revision]
    assert plain[0] == plain[1] == plain[2]
    references = [history.reference[1] for history in histories if history.reference]
    assert [reference.model for reference in references] == ["model-0", "model-1", "model-2"]
    assert len({reference.id for reference in references}) == 3
    assert [len(reference.profiles) for reference in references] == [len(references[0].profiles)] * 3
    assert declared(path).compiled_for("model-0", 0).model == "model-0"
