"""A curve: rows of figures against one quantity, and how they are shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

Value = float | int | str
Row = Mapping[str, Value]


@dataclass(frozen=True)
class Panel:
    """One picture of a curve: these columns over the first one; `log` for the vertical axis."""

    label: str
    columns: tuple[str, ...]
    log: bool = False


@dataclass(frozen=True)
class Curve:
    """What was measured.

    Parameters
    ----------
    name
        As `--only` takes it, and of the files.
    about
        What was given and how it was measured, in sentences.
    rows
        One for each point; the first column is what varies, every row has the same ones.
    panels
        How it is drawn; none: a table only.
    log
        Whether what varies is drawn on a logarithmic axis.
    """

    name: str
    about: str
    rows: Sequence[Row]
    panels: tuple[Panel, ...] = ()
    log: bool = True
    problems: Sequence[str] = field(default_factory=tuple)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.rows[0]) if self.rows else []


def show(curve: Curve) -> None:
    """Print the table."""
    table = Table(title=f"{curve.name}: {curve.about}", title_justify="left", title_style="")
    for name in curve.columns:
        table.add_column(name, justify="right")
    for row in curve.rows:
        table.add_row(*(text(value) for value in row.values()))
    console = Console(highlight=False, width=max(Console().width, 150))
    console.print(table)
    for problem in curve.problems:
        console.print(f"NOT AS IT SHOULD BE: {problem}")


def text(value: Value) -> str:
    """Return a figure with three digits that count."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write(path: Path, curve: Curve, machine: str) -> None:
    """Write it as one object, a line a row."""
    rows = ",\n".join(f"  {json.dumps(dict(row))}" for row in curve.rows)
    head = {"name": curve.name, "about": curve.about, "machine": machine, "problems": list(curve.problems)}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + f',\n "rows": [\n{rows}\n ]\n}}\n', encoding="utf-8")
