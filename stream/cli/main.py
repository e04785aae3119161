"""The command line: which commands there are, and how an error ends them.

Exit codes: 0 fine, 2 usage or configuration, 3 a server cannot be reached, 4 lost state. A person sees one clear line
per problem, never a traceback.
"""

import logging
import sys
from typing import NoReturn

import typer
from confluent_kafka import KafkaException
from redis.exceptions import RedisError

import tidegauge
from stream.cli.alerts import alerts
from stream.cli.apply import apply
from stream.cli.demo import demo
from stream.cli.doctor import doctor
from stream.cli.rebuild import rebuild
from stream.cli.reference import app as reference_app
from stream.cli.schema import schema
from stream.cli.status import status
from stream.cli.topics import app as topics_app
from stream.cli.worker import worker
from stream.errors import ConfigurationError, TidegaugeError, UnreachableError

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
app.command()(rebuild)
app.add_typer(topics_app, name="topics")
app.command()(schema)
app.command()(doctor)


def run() -> None:
    """Entry point of the script `tidegauge`."""
    # Commands say what a person needs in words of their own; only `worker` logs, and says so itself.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app()
    except TidegaugeError as error:
        _end(str(error), error.exit_code)
    except (tidegauge.SettingsError, tidegauge.AlertStreamError) as error:
        _end(f"kafka: {error}", ConfigurationError.exit_code)
    except RedisError as error:
        _end(f"Redis did not answer ({error}); check redis.url", UnreachableError.exit_code)
    except KafkaException as error:
        _end(f"Kafka did not answer ({error.args[0].str()}); check kafka.*", UnreachableError.exit_code)
    except OSError as error:
        _end(f"{error.filename or 'the system'}: {error.strerror or error}", ConfigurationError.exit_code)


def _end(text: str, exit_code: int) -> NoReturn:
    sys.stderr.writelines(f"tidegauge: {line}\n" for line in text.splitlines())
    sys.exit(exit_code)


if __name__ == "__main__":
    run()
