"""Which revisions of a model count alike: what they can be judged by, and which windows may span them."""

from stream.model.catalog import Catalog
from stream.model.compiled import CompiledModel, PartName
from stream.monitor.schedule import FOREVER_MS, Due, Family


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


_PARTS: dict[Family, PartName] = {Family.INPUTS: "inputs", Family.SERVICE: "service", Family.OUTCOME: "outcome"}


def counted_from_ms(catalog: Catalog, due: Due, attribute: str) -> int:
    """Return since when, without a break, rows have been counted as a due window of an attribute's segment reads them.

    An edit of rules changes nothing of that, and voids no window.
    """
    from_ms = due.compiled.effective_from_ms
    if due.window.start_ms >= from_ms:
        return from_ms
    for revision in reversed(catalog.revisions(due.compiled.model)):
        if revision.effective_from_ms >= from_ms:
            continue
        if not _counts_alike(revision, due) or (attribute and attribute not in revision.segments):
            break
        from_ms = revision.effective_from_ms
    return from_ms


def _counts_alike(before: CompiledModel, due: Due) -> bool:
    """Whether an earlier revision counted a part by the same parameters, in panes that the window is a union of."""
    part = _PARTS[due.family]
    if before.layouts[part] != due.compiled.layouts[part] or due.scheme not in before.windows[part]:
        return False
    return part == "service" or _score(before) == _score(due.compiled)


def _score(compiled: CompiledModel) -> tuple[str | None, object]:
    """Return what decides whose probability a score is; no layout of inputs knows it."""
    return compiled.task, compiled.definition.positive
