"""What can go wrong in ``detectors``, and what the caller does next.

::

    ValueError
    ├── SnapshotError   bytes that are no snapshot, or one of a newer version: do not start on this state
    └── LayoutError     two states, or a state and its rows, of different parameters: a mistake of the caller
"""


class SnapshotError(ValueError):
    """Bytes that cannot be read as a snapshot: truncated, damaged, or written by a newer version."""


class LayoutError(ValueError):
    """Parameters that do not fit together, such as a merge of sketches with different grids."""
