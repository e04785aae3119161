"""Hashes of the parameters that a stored body depends on: other parameters, another key, never a misread body."""

import hashlib
from collections.abc import Mapping

import msgspec

from detectors.grid import Grid
from detectors.vocabulary import Vocabulary
from stream.model.compiled import PartName
from tidegauge.definition import CategoricalGrid, Definition, FeatureGrid, NumericGrid

# Raise it when the same parameters give another body.
_FORMAT = 1


def content_hash(*parameters: object) -> str:
    """Return 16 hex digits of the SHA-256 of the parameters' canonical JSON."""
    encoded = msgspec.json.encode(parameters, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def revision_hash(definition: Definition, grids: Mapping[str, FeatureGrid]) -> str:
    """Return the hash of a definition with its grids."""
    return content_hash("revision", definition, dict(grids))


def part_layouts(
    definition: Definition,
    subjects: tuple[str, ...],
    grids: Mapping[str, Grid | Vocabulary],
    rungs_ms: tuple[int, ...],
    slo_ms: int | None,
) -> dict[PartName, str]:
    """Return the layout of each part.

    Panes are left out: a profile states its own, so a window may read panes of two widths. So is the model's name.
    """
    cells = [(name, wire_grid(grids[name])) for name in subjects]
    truth = (definition.task, definition.positive, definition.threshold, definition.classes)
    return {
        "inputs": content_hash(_FORMAT, "inputs", cells),
        "sample": content_hash(_FORMAT, "sample"),
        "service": content_hash(_FORMAT, "service", slo_ms),
        "outcome": content_hash(_FORMAT, "outcome", truth, rungs_ms),
    }


def wire_grid(grid: Grid | Vocabulary) -> FeatureGrid:
    """Return a grid as it is written in the definition."""
    if isinstance(grid, Vocabulary):
        return CategoricalGrid(list(grid.names))
    return NumericGrid([float(edge) for edge in grid.edges])
