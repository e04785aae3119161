"""Text of CSV files as it would come live: a CSV file has no types, and pandas writes `True` and, for gaps, `1.0`."""

import re
from collections.abc import Callable, Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tidegauge.definition import Definition

_TRUTHS = frozenset({"true", "false"})
_WHOLE = re.compile(r"\s*(-?\d+)(\.0+)?\s*")


def text_columns(definition: Definition) -> set[str]:
    """Return the columns to read as text, by our names: the flight number 007 must not become 7."""
    texts = {"prediction_id", *definition.segments, *_categorical(definition)}
    if _classes(definition):
        texts.add("label")
    if definition.task == "multiclass" or (definition.positive is not None and _padded(definition.positive)):
        texts.add("prediction")
    return texts


def as_live(table: pa.Table, definition: Definition) -> tuple[pa.Table, tuple[str, ...]]:
    """Return the table with text spelt as live values become text, and notes on what is spelt otherwise in the file.

    Truth values, where a column has nothing else, are `true` and `false`; whole numbers have no fraction; text of
    numeric features is read as numbers where it is one.
    """
    notes = []
    known = frozenset(_classes(definition))
    table, note = _scores(table, definition)
    notes.extend(note)
    for name in table.column_names:
        if not pa.types.is_string(table[name].type):
            continue
        if definition.features.get(name) == "numeric":
            table, note = _to_numbers(table, name)
        elif name in _categorical(definition):
            table, note = _respelt(table, name, ())
        elif name in ("label", "prediction") and known:
            table, note = _respelt(table, name, known)
        else:
            continue
        notes.extend(note)
    return table, tuple(notes)


def segments_as_live(segments: Mapping[str, list[str | None]]) -> tuple[dict[str, list[str | None]], tuple[str, ...]]:
    """Return values of segments as they come live, and notes: as text, so as in the file, but for truth values."""
    live, notes = {}, []
    for name, values in segments.items():
        texts = [value for value in dict.fromkeys(values) if value is not None]
        truths = all(text.strip().lower() in _TRUTHS for text in texts)
        spellings = spelling(texts) if truths else dict(zip(texts, texts, strict=True))
        live[name] = [None if value is None else spellings[value] for value in values]
        notes.extend(_changes(name, spellings))
    return live, tuple(notes)


def _categorical(definition: Definition) -> list[str]:
    return [name for name, kind in definition.features.items() if kind == "categorical"]


def _classes(definition: Definition) -> list[str]:
    if definition.task == "multiclass":
        return definition.classes
    return [definition.positive] if definition.positive is not None else []


def _padded(text: str) -> bool:
    """Whether a number in other digits than a number has: 01, 1.0."""
    match = _WHOLE.fullmatch(text)
    return match is not None and text != str(int(match[1]))


def _respelt(table: pa.Table, name: str, known: Collection[str]) -> tuple[pa.Table, list[str]]:
    """Spell a column as it comes live, unless it holds names that are known as they stand."""
    spellings = spelling(_distinct(table[name]), known)
    notes = _changes(name, spellings)
    return (_replaced(table, name, spellings.__getitem__, pa.string()) if notes else table), notes


def _changes(name: str, spellings: Mapping[str, str]) -> list[str]:
    """Return a note where a column is spelt otherwise."""
    changed = [f"{text} is read as {live}" for text, live in spellings.items() if text != live]
    return [f"column {name}: {', '.join(changed[:2])}, as it comes live"] if changed else []


def spelling(texts: Collection[str], known: Collection[str] = ()) -> Mapping[str, str]:
    """Return how each of a column's texts would be spelt live, as far as all of them together tell.

    Examples
    --------
    >>> spelling(["True", "False"])
    {'True': 'true', 'False': 'false'}
    >>> spelling(["1.0", "3.0"])
    {'1.0': '1', '3.0': '3'}
    >>> spelling(["10.0", "10.4", "True"])  # versions, perhaps
    {'10.0': '10.0', '10.4': '10.4', 'True': 'True'}
    """
    if texts and not any(text in known for text in texts):
        if all(text.strip().lower() in _TRUTHS for text in texts):
            return {text: text.strip().lower() for text in texts}
        whole = {text: _WHOLE.fullmatch(text) for text in texts}
        if all(whole.values()):
            return {text: _digits(match) for text, match in whole.items() if match is not None}
    return {text: text.strip() if text not in known and text.strip() in known else text for text in texts}


def _digits(match: re.Match[str]) -> str:
    return match[1] if match[2] is None else str(int(match[1]))


def _to_numbers(table: pa.Table, name: str) -> tuple[pa.Table, list[str]]:
    numbers = {text: _number(text) for text in _distinct(table[name])}
    strange = [text for text, number in numbers.items() if number is None]
    if len(strange) == len(numbers):  # nothing to read: refused like any column of text
        return table, []
    notes = []
    if strange:
        rows = pc.sum(pc.is_in(table[name], pa.array(strange, pa.string()))).as_py()
        notes.append(f"column {name}: {rows} values such as {strange[0]} are no numbers, and missing")
    return _replaced(table, name, numbers.__getitem__, pa.float64()), notes


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _scores(table: pa.Table, definition: Definition) -> tuple[pa.Table, list[str]]:
    """Take predictions of a binary task for the numbers they are where none of them is the positive class.

    One text in a column of numbers makes all of it text, and classes: none of them the positive one.
    """
    column, positive = table["prediction"], definition.positive
    if definition.task != "binary" or positive is None or not pa.types.is_string(column.type):
        return table, []
    are_classes = positive in _distinct(column) and positive != "1"  # which says the same as a number
    return (table, []) if are_classes else _to_numbers(table, "prediction")


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return [text for text in pc.unique(column).to_pylist() if text is not None]


def _replaced(table: pa.Table, name: str, change: Callable[[str], object], kind: pa.DataType) -> pa.Table:
    """Change each distinct text of a column once."""
    encoded = table[name].combine_chunks().dictionary_encode()
    values = pa.array([change(text) for text in encoded.dictionary.to_pylist()], kind)
    return table.set_column(table.column_names.index(name), name, values.take(encoded.indices))
