"""What sequential detectors watch of one subject."""

import numpy as np

from detectors.vocabulary import Vocabulary
from stream.monitor.inputs_view import subject_values
from stream.monitor.subjects import Subject


def test_a_category_called_missing_is_not_the_missing_cell() -> None:
    subject = Subject("x", slice(0, 6), Vocabulary(["a", "missing", "unseen", "missing'"]))
    shares = subject_values(subject, np.array([[40, 30, 20, 5, 3, 2]]))
    assert {name: float(share[0]) for name, share in shares.items()} == {
        "a": 0.4,
        "missing": 0.3,
        "unseen": 0.2,
        "missing'": 0.05,
        "unseen'": 0.03,
        "missing''": 0.02,
    }


def test_the_special_cells_have_their_plain_names() -> None:
    shares = subject_values(Subject("x", slice(0, 3), Vocabulary(["a"])), np.array([[5, 3, 2]]))
    assert list(shares) == ["a", "unseen", "missing"]  # the keys of detectors that are remembered
