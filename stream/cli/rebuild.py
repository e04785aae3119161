"""`tidegauge rebuild`: after Redis has lost the state, the state again from the logs."""

from typing import Annotated

import typer

from stream.cli.options import ConfigOption, plain_console
from stream.config import load_settings

FromOption = Annotated[
    str,
    typer.Option("--from", metavar="TIMESTAMP", help="Event time to replay from: ISO 8601 (UTC without a zone) or ms."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done, and the latest TIMESTAMP.")
]
DiscardOption = Annotated[bool, typer.Option("--discard", help="Drop what Redis still holds of this installation.")]


def rebuild(
    *, from_: FromOption, config: ConfigOption = None, dry_run: DryRunOption = False, discard: DiscardOption = False
) -> None:
    """Rebuild lost state from `history`, the alerts and the logs; nothing is alerted twice. Stop all workers first."""
    # Imported here: SciPy's statistics take a second, which no other command should pay.
    from stream.rebuild import rebuild as steps  # noqa: PLC0415
    from stream.rebuild.instants import parse_instant  # noqa: PLC0415

    from_ms = parse_instant(from_)
    settings = load_settings(config)
    console = plain_console()
    if not dry_run:  # before anything is looked at: what is told later would be told twice
        steps.require_stopped(settings)
    chosen = steps.plan(settings, steps.look(settings), from_ms)
    for line in chosen.lines():
        console.print(line)
    if dry_run:
        console.print("dry run: nothing was written")
        return
    steps.rebuild(settings, chosen, discard=discard)
    console.print(
        f"{len(chosen.offsets)} shards and {len(chosen.found.profiles)} partitions begin there: start the workers; "
        "`tidegauge status` shows how far they are"
    )
