"""`tidegauge reference build`: healthy blocks from a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.apply import DryRunOption, NewGridsOption, carry_out
from stream.cli.options import ConfigOption
from stream.config import Settings
from stream.errors import ConfigurationError
from stream.kafka.topics import TopicNames

if TYPE_CHECKING:
    from stream.definitions.apply import Applied, NewestEvent

app = typer.Typer(help="What healthy windows of a model look like.", no_args_is_help=True)


@app.callback()
def reference() -> None:
    """Say what healthy windows of a model look like."""


@app.command()
def build(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV: timestamp, prediction, label, ... and the features.")],
    *,
    model: Annotated[str, typer.Option(help="Name of a model that was applied.")],
    config: ConfigOption = None,
    held_out: Annotated[
        bool | None,
        typer.Option("--held-out/--in-sample", help="Whether the model was NOT trained on these rows."),
    ] = None,
    dry_run: DryRunOption = False,
    new_grids: NewGridsOption = False,
) -> None:
    """Build a reference from a file and publish it; the model's rules stay as they are."""
    # Imported here: SciPy's statistics take a second, which no other command should pay.
    from stream.definitions.apply import apply_reference  # noqa: PLC0415

    if held_out is None:
        raise ConfigurationError(
            "say --held-out when the model was not trained on this file, else --in-sample "
            "(then it gives no baseline of performance)"
        )
    kind = held_out

    def change(settings: Settings, newest_ms: "NewestEvent") -> "Applied":
        return apply_reference(
            file,
            model,
            settings.kafka_settings,
            TopicNames(settings.prefix),
            held_out=kind,
            newest_event_ms=newest_ms,
            dry_run=dry_run,
            new_grids=new_grids,
        )

    carry_out(change, config, dry_run=dry_run)
