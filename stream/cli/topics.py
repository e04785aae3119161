"""`tidegauge topics create`: the topics, as they must be."""

import typer

from stream.cli.options import ConfigOption, plain_console
from stream.config import load_settings
from stream.errors import ConfigurationError
from stream.kafka.topics import TopicNames, create_topics, topic_specs

app = typer.Typer(help="The Kafka topics Tidegauge uses.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Group the commands on the Kafka topics Tidegauge uses."""


@app.command()
def create(config: ConfigOption = None) -> None:
    """Create what is missing, check what is there; safe to repeat."""
    settings = load_settings(config)
    specs = list(
        topic_specs(
            TopicNames(settings.prefix),
            partitions=settings.topics.partitions,
            profile_partitions=settings.topics.profile_partitions,
        )
    )
    verdicts = create_topics(settings.kafka_settings, specs, replication=settings.topics.replication)
    console = plain_console(soft_wrap=False)
    for verdict in verdicts:
        console.print(f"{verdict.name}: {verdict.problem or ('created' if verdict.created else 'as it must be')}")
    problems = [verdict.problem for verdict in verdicts if verdict.problem]
    if problems:
        raise ConfigurationError("; ".join(problems) + ": change it with the broker's own tools, or use another prefix")
