"""Bounds on a reference file's rows: repeated predictions dropped, rare segment values united."""

from collections import Counter
from dataclasses import replace

import numpy as np

from stream.reference.table import ReferenceTable

MAX_SEGMENT_VALUES = 64
OTHER_VALUE = "__other__"


def without_repeats(table: ReferenceTable, horizon_ms: int) -> tuple[ReferenceTable, tuple[str, ...]]:
    """Return the rows that the stream would count: of one prediction id none within the label horizon of another.

    Whoever scores the same customers every week has each of them again, and again counted. With a note on the others.
    """
    counted_ms: dict[str, int] = {}
    kept = []
    for row, (name, at_ms) in enumerate(zip(table.ids, table.timestamps_ms.tolist(), strict=True)):
        if name not in counted_ms or at_ms - counted_ms[name] > horizon_ms:
            counted_ms[name] = at_ms
            kept.append(row)
    repeats = len(table) - len(kept)
    if not repeats:
        return table, ()
    note = f"{repeats} rows left out: their prediction_id came before, within the label horizon"
    return table.take(np.array(kept, dtype=np.int64)), (note,)


def limit_segments(table: ReferenceTable) -> tuple[ReferenceTable, tuple[str, ...]]:
    """Return the table with all but the 64 most frequent values of each segment called `__other__`, and notes."""
    notes = []
    segments = {}
    for name, values in table.segments.items():
        ranked = Counter(value for value in values if value is not None).most_common()
        kept = {value for value, _ in sorted(ranked, key=lambda entry: (-entry[1], entry[0]))[:MAX_SEGMENT_VALUES]}
        if len(kept) < len(ranked):
            notes.append(f"segment {name} has {len(ranked)} values: all but {len(kept)} are {OTHER_VALUE}")
        segments[name] = [value if value is None or value in kept else OTHER_VALUE for value in values]
    return replace(table, segments=segments), tuple(notes)
