"""Rows that wait to be counted with more of their kind: a part costs as much for two rows as for two hundred."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, Generic, Protocol, TypeVar

import numpy as np

from stream.parts.closing import NEVER_MS, FirstClose
from stream.parts.columns import Coded, Columns, OutcomeRows, Unseen
from stream.parts.kinds import Kinds
from stream.timeline.panes import Int64Array, PaneScheme

LEAST_ROWS: Final = 4096
"""Rows are counted once there are so many: enough for the groups of one model, and they stay in the cache."""
ROWS_PER_KIND: Final = 32
"""With many models more rows wait, so that each has some ..."""
MOST_ROWS: Final = 32_768
"""... but never more than these: about 300 bytes each, 10 MB."""


class Poolable(Protocol):
    """Rows that may wait."""

    kinds: Kinds | None

    def __len__(self) -> int:
        """Return their number."""
        ...


Rows = TypeVar("Rows", bound=Poolable)


class Pool(Generic[Rows]):
    """Batches of rows by shape, until there are enough of them."""

    def __init__(self) -> None:
        self._batches: dict[tuple[int, int], list[Rows]] = {}
        self._rows = 0
        self._enough = LEAST_ROWS

    def __len__(self) -> int:
        return self._rows

    @property
    def full(self) -> bool:
        """Whether there are enough rows."""
        return self._rows >= self._enough

    def add(self, kinds: Kinds, shape: int, rows: Rows) -> None:
        """Keep rows of one shape."""
        self._batches.setdefault((id(kinds), shape), []).append(rows)
        self._rows += len(rows)
        self._enough = min(max(LEAST_ROWS, ROWS_PER_KIND * len(kinds)), MOST_ROWS)

    def take(self) -> Iterator[list[Rows]]:
        """Yield the batches of each shape, in the order they came; nothing is left."""
        batches, self._batches, self._rows = self._batches, {}, 0
        yield from batches.values()


class Pending:
    """Predictions and outcomes that wait, and when the first pane among them closes."""

    def __init__(self) -> None:
        self._columns: Pool[Columns] = Pool()
        self._outcomes: Pool[OutcomeRows] = Pool()
        self._first = FirstClose()

    def __len__(self) -> int:
        return len(self._columns) + len(self._outcomes)

    @property
    def full(self) -> bool:
        """Whether there is enough to count."""
        return self._columns.full or self._outcomes.full

    def add_columns(self, columns: Columns, kinds: Kinds, shape: int) -> None:
        """Keep predictions."""
        self._columns.add(kinds, shape, columns)
        panes = columns.compiled.panes
        for scheme in (panes.inputs, panes.service):
            self._first.note_rows(_first_end(scheme, columns.timestamps_ms[columns.on_time]))

    def add_outcomes(self, outcomes: OutcomeRows, kinds: Kinds, shape: int) -> None:
        """Keep outcomes."""
        self._outcomes.add(kinds, shape, outcomes)
        panes, on_time = outcomes.compiled.panes.outcome, outcomes.on_time
        end_ms = _first_end(panes, outcomes.predicted_ms[on_time])
        self._first.note_outcomes(end_ms, end_ms + int(outcomes.rung_ms[on_time].min(initial=NEVER_MS)))

    def closing(self, predictions_ms: int, labels_ms: int) -> bool:
        """Whether a part may have closed by these watermarks that rows are waiting for."""
        return self._first.reached(predictions_ms, labels_ms)

    def take(self) -> tuple[list[Columns], list[OutcomeRows]]:
        """Return all of them, one batch a shape; nothing is left."""
        columns = [_together(batches) for batches in self._columns.take()]
        outcomes = [_outcomes_together(batches) for batches in self._outcomes.take()]
        self._first = FirstClose()
        return columns, outcomes


def _first_end(panes: PaneScheme, timestamps_ms: Int64Array) -> int:
    return panes.end(panes.start(int(timestamps_ms.min()))) if timestamps_ms.size else NEVER_MS


def _together(batches: Sequence[Columns]) -> Columns:
    """Return predictions of one shape as one batch."""
    first = batches[0]
    if len(batches) == 1:
        return first
    starts = np.cumsum([0, *map(len, batches)]).tolist()
    return Columns(
        compiled=first.compiled,
        version=first.version,
        hashes=np.concatenate([b.hashes for b in batches]),
        ids=list(chain.from_iterable(b.ids for b in batches)),
        timestamps_ms=np.concatenate([b.timestamps_ms for b in batches]),
        on_time=np.concatenate([b.on_time for b in batches]),
        score=np.concatenate([b.score for b in batches]),
        predicted=np.concatenate([b.predicted for b in batches]),
        latency_ms=np.concatenate([b.latency_ms for b in batches]),
        error=np.concatenate([b.error for b in batches]),
        numeric=np.concatenate([b.numeric for b in batches]),
        categorical=[np.concatenate(codes) for codes in zip(*(b.categorical for b in batches), strict=True)],
        unseen=[
            Unseen(feature, rows + start, categories)
            for batch, start in zip(batches, starts, strict=False)
            for feature, rows, categories in batch.unseen
        ],
        segments=[Coded.joined(coded) for coded in zip(*(b.segments for b in batches), strict=True)],
        kinds=first.kinds,
        kind=np.concatenate([b.by_kind()[1] for b in batches]),
    )


def _outcomes_together(batches: Sequence[OutcomeRows]) -> OutcomeRows:
    """Return outcomes of one shape as one batch."""
    first = batches[0]
    if len(batches) == 1:
        return first
    contexts: dict[Sequence[str], int] = {}
    context = []
    for batch in batches:
        table = np.array([contexts.setdefault(tuple(c), len(contexts)) for c in batch.contexts], dtype=np.int64)
        context.append(table[np.zeros(len(batch), dtype=np.int64) if batch.context is None else batch.context])
    return OutcomeRows(
        compiled=first.compiled,
        version=first.version,
        predicted_ms=np.concatenate([b.predicted_ms for b in batches]),
        rung_ms=np.concatenate([b.rung_ms for b in batches]),
        score=np.concatenate([b.score for b in batches]),
        label=np.concatenate([b.label for b in batches]),
        sign=np.concatenate([b.sign for b in batches]),
        on_time=np.concatenate([b.on_time for b in batches]),
        contexts=list(contexts),
        context=np.concatenate(context),
        kinds=first.kinds,
        kind=np.concatenate([b.by_kind()[1] for b in batches]),
    )
