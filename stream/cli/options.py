"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

ConfigOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", help="tidegauge.yaml; without it defaults and TIDEGAUGE_* variables hold."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


def plain_console(*, soft_wrap: bool = True) -> Console:
    """Return what prints names as they are: `fraud[v2]` is no markup, `team:fire:x` no emoji."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=soft_wrap)
