"""The log as a pure fold: first to name the head wins, references only when whole, all readers agree."""

import random

import msgspec
import pytest

from stream.definitions.chain import DefinitionLog, Verdict
from stream.definitions.pieces import Pieces
from stream.definitions.plan import Proposal, plan_change
from stream.definitions.records import DefinitionRecord, content_hash, encode_head
from stream.model.compiled import ALWAYS_MS
from stream.model.reference import Reference
from tidegauge.definition import Definition, DriftMonitor, NumericGrid, ReferenceSpec
from tidegauge.profiles import Profile


def definition(*windows: str, model: str = "m") -> Definition:
    return Definition(model=model, windows=list(windows or ("1d",)))


def head(previous: str, *windows: str, effective_from_ms: int = ALWAYS_MS, model: str = "m") -> bytes:
    declared = definition(*windows, model=model)
    record = DefinitionRecord(model=model, previous=previous, effective_from_ms=effective_from_ms, definition=declared)
    return encode_head(record)


def reference(body: bytes = b"body") -> Reference:
    profile = Profile("m", "", "", "inputs", 0, 1, True, 0, "layout", 0, 0, 0, body)
    return Reference.of("m", [profile], held_out=True)


def with_reference(log: DefinitionLog, body: bytes = b"body") -> tuple[bytes, ...]:
    history = log.history("m")
    now = definition() if history.newest is None else history.newest.definition
    return plan_change(history, Proposal(now, {}, reference(body)), None).records


def feed(log: DefinitionLog, *records: bytes) -> list[Verdict]:
    return [log.apply(raw, log.next_offset) for raw in records]


def test_the_first_to_name_the_head_wins() -> None:
    log = DefinitionLog()
    first = head("")
    assert feed(log, first, head(content_hash(first), "1h"), head(content_hash(first), "6h")) == [
        Verdict.ACCEPTED,
        Verdict.ACCEPTED,
        Verdict.VOID,
    ]
    newest = log.history("m").newest
    assert newest is not None
    assert newest.definition.windows == ["1h"]
    assert log.void == 1


def test_monitors_of_the_same_thing_stay_in_force_where_they_were_taken() -> None:
    log = DefinitionLog()
    declared = Definition(model="m", monitors=[DriftMonitor(), DriftMonitor(windows=["1h"])])
    record = DefinitionRecord(model="m", previous="", effective_from_ms=ALWAYS_MS, definition=declared)
    assert feed(log, encode_head(record)) == [Verdict.ACCEPTED]
    assert log.catalog.compiled_for("m", 0).definition == declared


def test_models_have_heads_of_their_own() -> None:
    log = DefinitionLog()
    assert feed(log, head(""), head("", model="other")) == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert log.catalog.models == ("m", "other")


def test_a_record_that_was_written_twice_counts_once() -> None:
    log = DefinitionLog()
    first = head("")
    assert feed(log, first, first) == [Verdict.ACCEPTED, Verdict.VOID]
    assert log.history("m").accepted == (content_hash(first),)


def test_an_offset_is_applied_once() -> None:
    log = DefinitionLog()
    log.apply(head(""), 0)
    before = log.catalog
    assert log.apply(head(log.history("m").head, "1h"), 0) is Verdict.VOID
    assert log.catalog is before


def test_revisions_hold_from_their_instants() -> None:
    log = DefinitionLog()
    first = head("")
    feed(log, first, head(content_hash(first), "1h", effective_from_ms=1_000))
    assert [log.catalog.compiled_for("m", ms).definition.windows for ms in (999, 1_000)] == [["1d"], ["1h"]]


def test_a_reference_holds_when_its_manifest_is_read() -> None:
    log = DefinitionLog()
    records = with_reference(log)
    verdicts = feed(log, *records)
    assert verdicts == [Verdict.STORED, Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert log.catalog.reference_for("m") == reference()


def test_a_manifest_without_its_slices_does_not_count() -> None:
    log = DefinitionLog()
    slice_, declared, manifest = with_reference(log)
    assert feed(log, declared, manifest) == [Verdict.ACCEPTED, Verdict.INCOMPLETE]
    assert log.catalog.reference_for("m") is None
    # The writer tries again: nothing stands in its way.
    assert feed(log, slice_, manifest) == [Verdict.STORED, Verdict.ACCEPTED]
    assert log.catalog.reference_for("m") == reference()


def test_a_reference_waits_for_a_new_one_when_the_definition_names_another() -> None:
    log = DefinitionLog()
    feed(log, *with_reference(log))
    assert log.history("m").reference is not None
    other = msgspec.structs.replace(definition(), reference=ReferenceSpec(file="march.parquet", held_out=True))
    feed(log, *plan_change(log.history("m"), Proposal(other, {}), None).records)
    assert log.history("m").reference is None


DEEP = b'{"version":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("raw", [b"", b"{}", b"hello", b'{"record":"definition","model":3}', b"\xff", DEEP])
def test_garbage_is_void_and_changes_nothing(raw: bytes) -> None:
    log = DefinitionLog()
    first = head("")
    assert feed(log, first, raw)[1] is Verdict.UNREADABLE
    assert log.history("m").head == content_hash(first)


def test_a_definition_this_release_cannot_compile_moves_the_head_all_the_same() -> None:
    log = DefinitionLog()
    first = head("")
    bad = head(content_hash(first), "7x")
    last = head(content_hash(bad), "1h")
    assert feed(log, first, bad, last) == [Verdict.ACCEPTED] * 3
    assert [compiled.definition.windows for compiled in log.catalog.revisions("m")] == [["1d"], ["1h"]]


def test_concurrent_writers_in_any_order_leave_one_chain_that_every_reader_sees() -> None:
    shuffle = random.Random(3)
    for _ in range(30):
        first = head("")
        writers = [with_reference_after(first, f"{n}".encode()) for n in range(3)]
        merged = [first]
        while any(writers):
            merged.append(shuffle.choice([w for w in writers if w]).pop(0))
        one, other = DefinitionLog(), DefinitionLog()
        verdicts = feed(one, *merged)
        feed(other, *merged)
        assert verdicts.count(Verdict.ACCEPTED) == 2
        assert one.catalog.reference_for("m") == other.catalog.reference_for("m") is not None


def with_reference_after(first: bytes, body: bytes) -> list[bytes]:
    log = DefinitionLog()
    feed(log, first)
    return list(with_reference(log, body))


def test_slices_nobody_names_are_dropped_oldest_first() -> None:
    pieces = Pieces(max_bytes=10)
    for name in ("a", "b", "c"):
        pieces.add(name, b"1234")
    assert pieces.get(["a"]) is None
    assert pieces.get(["b", "c"]) == (b"1234", b"1234")
    pieces.discard(["b", "c"])
    pieces.add("d", b"1234567890")
    assert pieces.get(["d"]) is not None


def test_grids_of_a_revision_come_from_slices() -> None:
    log = DefinitionLog()
    grids = {"temp": NumericGrid([1.0, 2.0])}
    feed(log, *plan_change(log.history("m"), Proposal(definition(), grids), None).records)
    newest = log.history("m").newest
    assert newest is not None
    assert newest.grids == grids
