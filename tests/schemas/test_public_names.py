"""The names in `__all__` are the contract: present, sorted, documented, and nothing else slips in."""

import inspect
import subprocess
import sys
import types

import pytest

import tidegauge
from tidegauge import errors


def test_all_names_what_is_there() -> None:
    visible = {
        name
        for name, value in vars(tidegauge).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(tidegauge.__all__) == visible - {"version", "PackageNotFoundError"}
    assert tidegauge.__all__ == sorted(tidegauge.__all__)


@pytest.mark.parametrize("name", tidegauge.__all__)
def test_public_names_are_documented(name: str) -> None:
    value = getattr(tidegauge, name)
    assert inspect.getdoc(value)
    if inspect.isclass(value) and value.__module__.startswith(("tidegauge.recorder", "tidegauge.subscribe")):
        for method, function in inspect.getmembers(value, inspect.isfunction):
            assert method.startswith("_") or inspect.getdoc(function), f"{name}.{method}"


def test_every_error_has_one_root_and_is_public() -> None:
    tree = [value for value in vars(errors).values() if inspect.isclass(value)]
    assert all(issubclass(kind, tidegauge.TidegaugeError) for kind in tree)
    assert {kind.__name__ for kind in tree} <= set(tidegauge.__all__)


def test_import_pulls_in_no_heavy_library() -> None:
    heavy = "numpy,pandas,polars,pyarrow,scipy,faust,redis,aiokafka,asyncpg,yaml,pydantic"
    code = f"import sys, tidegauge; print([name for name in {heavy!r}.split(',') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
