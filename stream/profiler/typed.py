"""A decoder made for models of the same features: these are typed fields, so types are checked while bytes are read.

A quarter cheaper than a mapping for each row, and its columns need no second look. It takes what the general decoder
takes and reads the same from it, or fails: then the general one decides.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from stream.model.catalog import Catalog
from stream.profiler.config import Limits
from tidegauge.events import Label, Prediction

REST_BATCHES: Final = 64
"""After a batch that did not fit, so many are read by the general decoder at once: reading twice costs more."""


class PlainPrediction(Prediction, kw_only=True, gc=False):
    """A prediction with the member that would make it another kind of message."""

    type: str | None = None


class PlainLabel(Label, kw_only=True, gc=False):
    """A label with the member that would make it another kind of message."""

    type: str | None = None


Names: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Numeric and categorical features."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Decoder of predictions, and the names of their features in the order of their fields.

    `reads` says whether some models all have these features.
    """

    reads: Callable[[Collection[str]], bool]
    names: tuple[str, ...]
    decode: Callable[[bytes], PlainPrediction]


def typed_decoder(features: Names, reads: Callable[[Collection[str]], bool]) -> Typed:
    """Make the decoder of models with grids; about a millisecond."""
    numeric, categorical = features
    fields: list[tuple[str, object, object]] = [(f"n{i}", float | bool | None, None) for i in range(len(numeric))]
    fields += [(f"c{i}", float | str | bool | None, None) for i in range(len(categorical))]
    names = (*numeric, *categorical)
    struct = msgspec.defstruct(
        "Features",
        fields,
        rename=dict(zip((name for name, *_ in fields), names, strict=True)),
        forbid_unknown_fields=True,  # a feature nobody declared is counted against the limit by the general decoder
        gc=False,
    )
    row = msgspec.defstruct(
        "Row",
        [("features", struct, msgspec.field(default_factory=struct))],
        bases=(PlainPrediction,),
        kw_only=True,
        gc=False,
    )
    decoder: msgspec.json.Decoder[PlainPrediction] = msgspec.json.Decoder(row)
    return Typed(reads, names, decoder.decode)


class TypedChoice:
    """Which decoder a shard's next batch is tried with: that of the features all models of its last batch had.

    Parameters
    ----------
    limits
        A model with more features than are kept has no decoder of its own.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._catalog: Catalog | None = None
        self._names: dict[str, Names] = {}
        self._typed: Typed | None = None
        self._rest = 0

    def next(self, catalog: Catalog) -> Typed | None:
        """Return the decoder to try, None for the general one."""
        self._follow(catalog)
        if self._rest:
            self._rest -= 1
            return None
        return self._typed

    def saw(self, models: set[str], catalog: Catalog, *, tried: bool, fitted: bool) -> None:
        """Note what a batch held."""
        self._follow(catalog)
        if fitted:
            return
        if tried:
            self._typed, self._rest = None, REST_BATCHES
        elif not self._rest and self._typed is None:
            self._choose(models)

    def _follow(self, catalog: Catalog) -> None:
        """Forget what was chosen under another catalog."""
        if catalog is not self._catalog:
            self._catalog, self._names, self._typed = catalog, _names_by_model(catalog, self._limits), None

    def _choose(self, models: Collection[str]) -> None:
        names = self._names
        common = set(map(names.get, models))
        features = common.pop()
        if features is not None and not common:
            self._typed = typed_decoder(features, lambda some: set(map(names.get, some)) == {features})


def _names_by_model(catalog: Catalog, limits: Limits) -> dict[str, Names]:
    """Features of each declared model that has one revision, grids, and no more features than are kept."""
    names: dict[str, Names] = {}
    for model in catalog.declared:
        revisions = catalog.revisions(model)
        if len(revisions) == 1 and not revisions[0].learning:
            features = (revisions[0].numeric, revisions[0].categorical)
            if 0 < len(features[0]) + len(features[1]) <= limits.features:
                names[model] = features
    return names
