import pytest

from stream.model.catalog import OTHER_MODEL, Catalog
from stream.model.compile import compile_model
from stream.model.reference import Reference
from tidegauge.definition import Definition
from tidegauge.profiles import Profile

FIRST = compile_model(Definition(model="m"))
SECOND = compile_model(Definition(model="m", windows=["1d"]), effective_from_ms=1_000)


def reference(body: bytes = b"x", start_ms: int = 0) -> Reference:
    profile = Profile("m", "", "", "inputs", start_ms, start_ms + 10, True, 0, "l", 0, 0, 0, body)
    return Reference.of("m", [profile], held_out=True)


def test_the_revision_that_holds_at_a_time() -> None:
    catalog = Catalog().with_revision(SECOND).with_revision(FIRST)
    assert catalog.revisions("m") == (FIRST, SECOND)
    assert catalog.compiled_for("m", 999) is FIRST
    assert catalog.compiled_for("m", 1_000) is SECOND
    assert catalog.models == ("m",)


def test_before_the_first_revision_the_first_holds() -> None:
    assert Catalog().with_revision(SECOND).compiled_for("m", 0) is SECOND


def test_of_two_revisions_from_the_same_instant_the_later_added_holds() -> None:
    rival = compile_model(Definition(model="m", windows=["7d"]), effective_from_ms=1_000)
    assert Catalog().with_revision(SECOND).with_revision(rival).compiled_for("m", 1_000) is rival


def test_a_catalog_never_changes() -> None:
    before = Catalog()
    after = before.with_revision(FIRST).with_reference(reference(), 0)
    assert before.models == ()
    assert before.reference_for("m") is None
    assert after.reference_for("m") is not None


def test_undeclared_models_are_learned_up_to_a_limit() -> None:
    catalog = Catalog(max_models=2)
    names = [catalog.compiled_for(name, 0).model for name in ("a", "b", "c", "a", "d")]
    assert names == ["a", "b", OTHER_MODEL, "a", OTHER_MODEL]
    assert catalog.compiled_for("a", 0) is catalog.compiled_for("a", 0)
    assert len(catalog.undeclared) == 3
    grown = catalog.with_revision(FIRST)
    assert grown.compiled_for("c", 0).model == OTHER_MODEL
    assert grown.compiled_for("m", 0) is FIRST


def test_the_reference_in_force() -> None:
    old, new = reference(b"old"), reference(b"new")
    catalog = Catalog().with_reference(new, 500).with_reference(old, 100)
    assert catalog.reference_for("m") is new
    assert catalog.reference_for("m", 499) is old
    assert catalog.reference_for("m", 99) is None
    assert catalog.references("m") == ((100, old), (500, new))


def test_a_references_id_is_its_content() -> None:
    profiles = [*reference(b"a").profiles, *reference(b"b", start_ms=50).profiles]
    one = Reference.of("m", profiles, held_out=True, source="x")
    assert one == Reference.of("m", reversed(profiles), held_out=True, source="x")
    assert (one.start_ms, one.end_ms) == (0, 60)
    assert one.id != Reference.of("m", profiles, held_out=False).id
    assert one.id != Reference.of("m", profiles[:1], held_out=True).id
    with pytest.raises(ValueError, match="at least one profile"):
        Reference.of("m", [], held_out=True)
