"""The rules of event time that follow from a catalog: how late is late, and how long a shard remembers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.model.catalog import Catalog
from stream.parts.keys import PartKey
from stream.profiler.config import ShardConfig
from stream.timeline.durations import parse_duration
from tidegauge.definition import Definition

_DEFAULT_HORIZON_MS = parse_duration(Definition(model="any").label_horizon)


@dataclass(frozen=True)
class Rules:
    """What a catalog and the configuration imply together.

    Attributes
    ----------
    declared_lateness
        Whether any model declares a lateness of its own: only then rows are judged one by one.
    max_lateness_ms
        The greatest lateness of any model: a shard's watermark is this far behind the newest event.
    memory_ms, undeclared_memory_ms
        How long after its own time a record of the join log may still be needed, by declared models and by any.
    """

    catalog: Catalog
    config: ShardConfig
    declared_lateness: bool
    max_lateness_ms: int
    memory_ms: int
    undeclared_memory_ms: int

    @classmethod
    def of(cls, catalog: Catalog, config: ShardConfig) -> "Rules":
        """Work the rules out. O(revisions)."""
        revisions = [revision for model in catalog.models for revision in catalog.revisions(model)]
        lateness = [r.lateness_ms for r in revisions if r.lateness_ms is not None]
        horizon_ms = max((r.label_horizon_ms for r in revisions), default=_DEFAULT_HORIZON_MS)
        beyond_ms = config.label_skew_ms + config.retention_ms
        return cls(
            catalog=catalog,
            config=config,
            declared_lateness=bool(lateness),
            max_lateness_ms=max([config.lateness_ms, *lateness]),
            memory_ms=horizon_ms + beyond_ms,
            undeclared_memory_ms=max(horizon_ms, _DEFAULT_HORIZON_MS) + beyond_ms,
        )

    def in_force(self, at_ms: int) -> "Rules":
        """Return the rules without the revisions that are announced and not in force at an instant of event time."""
        catalog = self.catalog
        revisions = {
            model: [revision for revision in catalog.revisions(model) if revision.effective_from_ms <= at_ms]
            for model in catalog.models
        }
        return Rules.of(Catalog(revisions), self.config)

    def forgotten_ms(self, reached_ms: int, undeclared_ms: int | None) -> int:
        """Return the instant before which no record of the join log is needed any more.

        Parameters
        ----------
        reached_ms
            The lesser of both watermarks.
        undeclared_ms
            The predictions' watermark when a model was first met that nobody had declared; None: there was none. Such
            models have a long horizon, but whatever is older than that by the others' memory is none of theirs: so
            what is kept depends on the two logs and not on how they interleaved.
        """
        declared_ms = reached_ms if undeclared_ms is None else min(reached_ms, undeclared_ms)
        return max(declared_ms - self.memory_ms, reached_ms - self.undeclared_memory_ms)

    def lateness_ms(self, models: Sequence[str], timestamps_ms: NDArray[np.int64]) -> NDArray[np.int64] | int:
        """Lateness that each row is judged by."""
        if not self.declared_lateness:
            return self.config.lateness_ms
        default = self.config.lateness_ms
        cache: dict[str, int | None] = {m: default for m in set(models) if not self.catalog.revisions(m)}
        for model in set(models) - cache.keys():
            if len(self.catalog.revisions(model)) == 1:
                cache[model] = self.catalog.revisions(model)[0].lateness_ms
        lateness = [
            cache[model] if model in cache else self.catalog.compiled_for(model, timestamp_ms).lateness_ms
            for model, timestamp_ms in zip(models, timestamps_ms.tolist(), strict=True)
        ]
        return np.array([default if value is None else value for value in lateness], dtype=np.int64)

    def outcome_memory_ms(self, key: PartKey) -> int:
        """How long after its pane an outcome part may change."""
        horizon_ms = self.catalog.compiled_for(key.model, key.pane_start_ms).label_horizon_ms
        return horizon_ms + self.config.label_skew_ms
