from stream.app.learned import learned_records
from stream.definitions.chain import DefinitionLog, Verdict
from stream.definitions.records import DefinitionRecord, encode_head
from stream.monitor.outputs import LearnedModel
from tidegauge.definition import Definition, NumericGrid

GRIDS = {"x": NumericGrid(edges=[0.0, 1.0])}
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
    assert write(log, LEARNED) == [Verdict.STORED, Verdict.ACCEPTED]
    newest = log.history("m").newest
    assert newest is not None
    assert (newest.definition, newest.grids, newest.effective_from_ms) == (LEARNED.definition, GRIDS, 86_400_000)
    assert write(log, LEARNED) == []


def test_a_declaration_wins_over_what_was_learnt() -> None:
    log = DefinitionLog()
    declare(log, Definition(model="m", task="binary", positive="late", threshold=0.3))
    assert write(log, LEARNED) == [Verdict.STORED, Verdict.ACCEPTED]
    newest = log.history("m").newest
    assert newest is not None
    assert (newest.definition.threshold, newest.definition.task) == (0.3, "binary")
    assert newest.definition.features == {"x": "numeric"}
    assert newest.grids == GRIDS
