"""The command line: which commands there are, and how an error ends them.

Exit codes: 0 fine, 2 usage or configuration, 3 a server cannot be reached, 4 lost state. A person sees one clear line
per problem, never a traceback.
"""

import sys

import typer

import tidegauge
from stream.cli.alerts import alerts
from stream.cli.apply import apply
from stream.cli.demo import demo
from stream.cli.doctor import doctor
from stream.cli.reference import app as reference_app
from stream.cli.schema import schema
from stream.cli.status import status
from stream.cli.topics import app as topics_app
from stream.cli.worker import worker
from stream.errors import TidegaugeError

app = typer.Typer(
    name="tidegauge",
    help="Watches models in production: drift, calibration, latency and accuracy, on the stream.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo)
app.command()(worker)
app.command()(apply)
app.add_typer(reference_app, name="reference")
app.command()(alerts)
app.command()(status)
app.add_typer(topics_app, name="topics")
app.command()(schema)
app.command()(doctor)


def run() -> None:
    """Entry point of the script `tidegauge`."""
    try:
        app()
    except TidegaugeError as error:
        sys.stderr.write(f"tidegauge: {error}\n")
        sys.exit(error.exit_code)
    except tidegauge.SettingsError as error:
        sys.stderr.write(f"tidegauge: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    run()
