"""The page on delivery names the tests that show each sentence: they must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)(?:::(\w+))?`", PAGE)))
CHECKS = sorted(set(re.findall(r"`(checks|watch)\.(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_it_names_is_there(file: str, name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(file)]
    assert texts
    assert not name or any(f"def {name}(" in text for text in texts)


@pytest.mark.parametrize(("module", "name"), CHECKS)
def test_each_check_it_names_is_there(module: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / "load" / "chaos" / f"{module}.py").read_text(encoding="utf-8")


def test_it_names_some() -> None:
    assert len(NAMED) > 8
    assert len(CHECKS) > 5
