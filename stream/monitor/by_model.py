"""A mapping whose keys belong to models: those of one model are found without looking at the others."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Protocol, TypeVar


class OfModel(Protocol):
    """A key that belongs to a model."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...


Key = TypeVar("Key", bound=OfModel)
Value = TypeVar("Value")


class ByModel(MutableMapping[Key, Value]):
    """Keys in the order of their models' first, then in their own."""

    def __init__(self) -> None:
        self._models: dict[str, dict[Key, Value]] = {}

    @property
    def models(self) -> set[str]:
        """Models with any key."""
        return set(self._models)

    def of(self, model: str) -> Mapping[Key, Value]:
        """Return what belongs to one model."""
        return self._models.get(model, {})

    def __getitem__(self, key: Key) -> Value:
        """Return the value of a key; raises KeyError."""
        return self._models[key.model][key]

    def __setitem__(self, key: Key, value: Value) -> None:
        """Put a value."""
        self._models.setdefault(key.model, {})[key] = value

    def __delitem__(self, key: Key) -> None:
        """Take a key out; raises KeyError."""
        mine = self._models[key.model]
        del mine[key]
        if not mine:
            del self._models[key.model]

    def __iter__(self) -> Iterator[Key]:
        """Iterate over all keys."""
        return (key for mine in self._models.values() for key in mine)

    def __len__(self) -> int:
        """Return the number of keys."""
        return sum(map(len, self._models.values()))
