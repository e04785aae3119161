import pytest

from detectors.errors import LayoutError
from detectors.vocabulary import Vocabulary, make_vocabulary


def test_codes_of_known_unseen_and_missing() -> None:
    carriers = Vocabulary(["UA", "DL"])
    assert carriers.codes(["DL", None, "ZZ", "", "UA"]).tolist() == [1, 3, 2, 2, 0]
    assert (carriers.unseen, carriers.missing, carriers.size) == (2, 3, 4)


def test_an_empty_vocabulary_has_unseen_and_missing() -> None:
    assert Vocabulary([]).codes(["a", None]).tolist() == [0, 1]


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(LayoutError):
        Vocabulary(["a", "a"])


def test_most_frequent_first_ties_by_name() -> None:
    assert make_vocabulary(["c", "b", "a", "b", None, None, None]).names == ("b", "a", "c")


def test_the_limit_keeps_the_most_frequent() -> None:
    values = [f"c{number:03}" for number in range(300) for _ in range(300 - number)]
    assert make_vocabulary(values).names == tuple(f"c{number:03}" for number in range(256))


def test_a_vocabulary_is_a_value() -> None:
    assert Vocabulary(["a"]) == Vocabulary(("a",))
    assert len({Vocabulary(["a"]), Vocabulary(["a"]), Vocabulary(["b"])}) == 2
