"""`tidegauge apply`: say what to watch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.options import ConfigOption, plain_console
from stream.config import Settings, load_settings
from stream.kafka.clients import make_admin
from stream.kafka.topics import TopicNames, list_partitions, require_topics

if TYPE_CHECKING:
    from stream.definitions.apply import Applied, NewestEvent

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would change, and what each monitor could detect.")
]
NewGridsOption = Annotated[
    bool, typer.Option("--new-grids", help="Make the cells of all histograms anew; windows begin again.")
]


def apply(
    *,
    file: Annotated[list[Path], typer.Option("-f", "--file", help="What to watch of a model; may be repeated.")],
    config: ConfigOption = None,
    dry_run: DryRunOption = False,
    new_grids: NewGridsOption = False,
) -> None:
    """Publish definitions, with the references they name; safe to repeat."""
    # Imported here: SciPy's statistics take a second, which no other command should pay.
    from stream.definitions.apply import apply_file  # noqa: PLC0415
    from stream.definitions.yaml_file import load_definition  # noqa: PLC0415

    for path in file:  # all are read before the first is applied: a mistake in the last leaves nothing half done
        load_definition(path)
    for path in file:

        def change(settings: Settings, newest_ms: "NewestEvent", path: Path = path) -> "Applied":
            return apply_file(
                path,
                settings.kafka_settings,
                TopicNames(settings.prefix),
                newest_event_ms=newest_ms,
                dry_run=dry_run,
                new_grids=new_grids,
            )

        carry_out(change, config, dry_run=dry_run)


def carry_out(change: Callable[[Settings, "NewestEvent"], "Applied"], config: Path | None, *, dry_run: bool) -> None:
    """Apply a change and print it, with what each monitor can detect now."""
    from stream.definitions.newest_event import newest_event_ms  # noqa: PLC0415

    settings = load_settings(config)
    names = TopicNames(settings.prefix)
    there = list_partitions(make_admin(settings.kafka_settings), settings.kafka_settings)
    require_topics([names.models], there)
    applied = change(settings, lambda: newest_event_ms(settings.kafka_settings, names))
    console = plain_console()
    for line in applied.changes:
        console.print(line)
    for line in applied.detectable():
        console.print(f"  {line}")
    if dry_run:
        console.print("dry run: nothing was published")
