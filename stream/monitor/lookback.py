"""How far back the panes reach that a model's next decisions read."""

from stream.model.catalog import Catalog
from stream.model.part_windows import BURN_RATE_PAIRS
from stream.monitor.evaluate_outcomes import recent_blocks
from stream.monitor.rules import Rules
from stream.monitor.schedule import Family, Progress, next_windows
from stream.timeline.durations import parse_duration


def needed_from_ms(catalog: Catalog, model: str, progress: Progress, retention_ms: int) -> int | None:
    """Return the instant from which on all panes of a model must be known to go on deciding; None: nothing is known.

    It lies about label horizon + longest window before what was decided last: windows are decided again at every label
    age, and those of a day or less are seen together with the six before them.
    """
    revisions = [(c, Rules(c)) for c in catalog.revisions(model) or (catalog.compiled_for(model, 0),)]
    starts = []
    for due in next_windows(revisions, progress, retention_ms):
        if due.ends:  # reads nothing
            continue
        is_outcome = due.family == Family.OUTCOME
        blocks = recent_blocks(due.scheme, due.window, progress.observed_ms) if is_outcome else [due.window]
        starts.append(blocks[0].start_ms)
    if any(not rule.windows for _, rules in revisions for rule in rules.budgets) and "service" in progress.first_ms:
        longest_ms = max(parse_duration(length) for pair in BURN_RATE_PAIRS for length in pair)
        starts.append(progress.burned_ms - longest_ms)
    first_ms = min(progress.first_ms.values(), default=None)
    return None if first_ms is None else max(first_ms, min(starts, default=first_ms))
