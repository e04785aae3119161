"""Predictions, labels and categories as numbers: the same for live events and reference files."""

import math

import numpy as np

from tidegauge.definition import Definition

_TRUE = frozenset({"1", "true", "yes", "positive"})
_FALSE = frozenset({"0", "false", "no", "negative"})
READ_AS_BINARY = _TRUE | _FALSE
"""Labels that a binary task without `positive` can read, in small letters."""
_MAX_FLOAT32 = float(np.finfo(np.float32).max)


def category_text(value: object) -> str | None:
    """Return a category as text: true and false as in JSON, whole numbers without a fraction, None for missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_float32(value: float) -> float:
    """Return a number rounded to float32; infinite when it is beyond its range."""
    if abs(value) > _MAX_FLOAT32:
        return math.copysign(math.inf, value)
    return float(np.float32(value))


def encode_score(definition: Definition, value: object) -> float:
    """Return a prediction as its score, rounded to float32; NaN when it has none.

    A number is P(positive), the predicted value or the score. Of a binary task a class is 1.0 if it is the positive
    one, else 0.0. A multiclass prediction has a class instead, see `encode_class`. A vector is no score: which of its
    numbers is P(positive), nobody says.
    """
    if definition.task == "multiclass" or isinstance(value, list | tuple | np.ndarray):
        return math.nan
    if isinstance(value, bool | np.bool_):
        return float(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return as_float32(float(value))
    return _is_positive(definition, value) if definition.task == "binary" else math.nan


def encode_class(definition: Definition, value: object) -> float:
    """Return the code of a multiclass prediction or label.

    The index of its class, `len(classes)` for one that is not listed, NaN for none or another task. Of a vector with
    one number per class the first greatest is the predicted one; where one is missing there is none.
    """
    if definition.task != "multiclass" or value is None:
        return math.nan
    classes = definition.classes
    if isinstance(value, list | tuple | np.ndarray):
        whole = len(value) == len(classes) and None not in value
        return float(np.argmax(value)) if whole else math.nan
    text = category_text(value)
    if text is None:
        return math.nan
    return float(classes.index(text)) if text in classes else float(len(classes))


def encode_label(definition: Definition, value: object) -> float:
    """Return a label as a number, rounded to float32; NaN when the task cannot read it.

    Binary: 1.0 for the positive label, 0.0 for any other; without `positive` in the definition 1, true, yes and
    positive are 1.0; 0, false, no and negative 0.0. Multiclass: the class code. Regression and score: the number.
    """
    if definition.task == "multiclass":
        return encode_class(definition, value)
    if definition.task == "binary":
        return _is_positive(definition, value)
    if isinstance(value, int | float | np.integer | np.floating | bool | np.bool_):
        return as_float32(float(value))
    return math.nan


def _is_positive(definition: Definition, value: object) -> float:
    text = category_text(value)
    if text is None:
        return math.nan
    if definition.positive is not None:
        return float(text == definition.positive)
    lowered = text.lower()
    if lowered in _TRUE:
        return 1.0
    return 0.0 if lowered in _FALSE else math.nan
