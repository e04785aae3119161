"""Reading fields that every part's snapshot has."""

from detectors.errors import SnapshotError
from detectors.packing import Reader


def read_counts(reader: Reader, expected: int) -> list[int]:
    """Return the next field, `expected` integers; raises SnapshotError when there are more or fewer."""
    counts: list[int] = reader.ints().tolist()
    if len(counts) != expected:
        raise SnapshotError(f"expected {expected} counts, found {len(counts)}")
    return counts
