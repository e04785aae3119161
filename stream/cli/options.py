"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", help="tidegauge.yaml; without it defaults and TIDEGAUGE_* variables hold."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
