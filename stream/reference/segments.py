"""Bounds on a reference file's rows: repeated ids dropped, rare segment values united."""

from collections import Counter
from dataclasses import replace

import numpy as np

from stream.reference.table import ReferenceTable

MAX_SEGMENT_VALUES = 64
OTHER_VALUE = "__other__"


def without_repeats(table: ReferenceTable) -> tuple[ReferenceTable, tuple[str, ...]]:
    """Return the first row of each prediction id, and a note when there were others."""
    first = dict(zip(reversed(table.ids), range(len(table) - 1, -1, -1), strict=True))
    repeats = len(table) - len(first)
    if not repeats:
        return table, ()
    kept = np.array(sorted(first.values()), dtype=np.int64)
    return table.take(kept), (f"{repeats} rows left out: their prediction_id came before",)


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
