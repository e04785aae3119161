"""Whether a revision of a model has a reference that it can be judged by."""

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel
from stream.monitor.schedule import FOREVER_MS


def has_reference(catalog: Catalog, compiled: CompiledModel) -> bool:
    """Whether the reference in force when a revision ends (the newest, for the last one) is of its layouts."""
    reference = catalog.reference_for(compiled.model, until_ms(catalog, compiled) - 1)
    return reference is not None and reference.fits(compiled.layouts)


def until_ms(catalog: Catalog, compiled: CompiledModel) -> int:
    """Return the instant at which the next revision takes a revision's place; FOREVER_MS for the last one."""
    revisions = iter(catalog.revisions(compiled.model))
    if not any(revision is compiled for revision in revisions):
        return FOREVER_MS
    following = next(revisions, None)
    return FOREVER_MS if following is None else following.effective_from_ms


def alike_from_ms(catalog: Catalog, compiled: CompiledModel) -> int:
    """Return since when, without a break, inputs and outcomes have had a revision's layouts."""
    from_ms = compiled.effective_from_ms
    for revision in reversed(catalog.revisions(compiled.model)):
        if revision.effective_from_ms >= from_ms:
            continue
        if any(revision.layouts[part] != compiled.layouts[part] for part in ("inputs", "outcome")):
            break
        from_ms = revision.effective_from_ms
    return from_ms
