from stream.app.learned import learned_records
from stream.definitions.chain import DefinitionLog, Verdict
from stream.definitions.records import DefinitionRecord, content_hash, encode_grids, encode_head
from stream.model.compiled import ALWAYS_MS, SCORE
from stream.monitor.outputs import LearnedModel, LearnedReference
from stream.parts.keys import PartKey
from tidegauge.definition import Definition, FeatureGrid, NumericGrid, ReferenceSpec

GRIDS: dict[str, FeatureGrid] = {"x": NumericGrid(edges=[0.0, 1.0]), SCORE: NumericGrid(edges=[0.0, 1.0])}
LEARNED = LearnedModel(
    definition=Definition(model="m", features={"x": "numeric"}), grids=GRIDS, effective_from_ms=86_400_000
)


def write(log: DefinitionLog, learned: LearnedModel) -> list[Verdict]:
    records = learned_records(learned, log.history("m"))
    return [log.apply(raw, log.next_offset) for raw in records]


def declare(log: DefinitionLog, definition: Definition) -> None:
    head = DefinitionRecord(model="m", previous="", effective_from_ms=0, definition=definition)
    assert log.apply(encode_head(head), log.next_offset) is Verdict.ACCEPTED


def test_what_was_learnt_is_accepted_once() -> None:
    log = DefinitionLog()
    assert write(log, LEARNED) == [Verdict.ACCEPTED, Verdict.STORED, Verdict.ACCEPTED]
    newest = log.history("m").newest
    assert newest is not None
    assert (newest.definition, newest.grids, newest.effective_from_ms) == (LEARNED.definition, GRIDS, 86_400_000)
    assert write(log, LEARNED) == []


def test_rows_before_the_grids_stay_samples() -> None:
    log = DefinitionLog()
    write(log, LEARNED)
    effective_from_ms = LEARNED.effective_from_ms
    assert [r.effective_from_ms for r in log.catalog.revisions("m")] == [ALWAYS_MS, effective_from_ms]
    assert log.catalog.compiled_for("m", effective_from_ms - 1).learning
    assert not log.catalog.compiled_for("m", effective_from_ms).learning


def test_grids_of_new_features_join_those_that_are_known() -> None:
    log = DefinitionLog()
    known: dict[str, FeatureGrid] = {"x": NumericGrid(edges=[0.0, 1.0])}
    slices = encode_grids(known)
    wider = Definition(model="m", features={"x": "numeric", "y": "numeric"})
    head = DefinitionRecord(
        model="m", previous="", effective_from_ms=0, definition=wider, grids=tuple(map(content_hash, slices))
    )
    for raw in (*slices, encode_head(head)):
        log.apply(raw, log.next_offset)
    found: dict[str, FeatureGrid] = {
        "x": NumericGrid(edges=[5.0, 6.0]),
        "y": NumericGrid(edges=[7.0, 8.0]),
        SCORE: NumericGrid([0.0, 1.0]),
    }
    learned = LearnedModel(definition=wider, grids=found, effective_from_ms=86_400_000)
    assert write(log, learned)[-1] is Verdict.ACCEPTED
    newest = log.history("m").newest
    assert newest is not None
    assert newest.grids == {**found, **known}


def test_a_learnt_reference_gives_way_to_a_declared_one() -> None:
    profile = PartKey("m", "", "", "inputs", 0, 1, True, 0, "layout").profile(b"")
    learned = LearnedReference(model="m", held_out=True, profiles=[profile], source="learned", effective_from_ms=0)
    log = DefinitionLog()
    declare(log, Definition(model="m", reference=ReferenceSpec(file="healthy.parquet")))
    assert write(log, learned) == []
    other = DefinitionLog()
    declare(other, Definition(model="m"))
    assert learned_records(learned, other.history("m"))


def test_a_declaration_wins_over_what_was_learnt() -> None:
    log = DefinitionLog()
    declare(log, Definition(model="m", task="binary", positive="late", threshold=0.3))
    assert write(log, LEARNED) == [Verdict.STORED, Verdict.ACCEPTED]
    newest = log.history("m").newest
    assert newest is not None
    assert (newest.definition.threshold, newest.definition.task) == (0.3, "binary")
    assert newest.definition.features == {"x": "numeric"}
    assert newest.grids == GRIDS
