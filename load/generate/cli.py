"""The generator's command line."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from load.generate.blast import Sent, blast
from load.generate.definition import Watch, write_definition
from load.generate.encode import Encoded, Source
from load.generate.pace import Pacer
from load.generate.producer import Sink
from load.generate.record import Service
from load.generate.spec import START_MS, Drift, DriftKind, LoadSpec
from stream.kafka.topics import TopicNames, create_topics, topic_specs

SLICES_PER_SECOND = 4
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Stop:
    """Set by Ctrl-C and SIGTERM: what was made is still delivered and told."""

    def __init__(self) -> None:
        self.set = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.set

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        self.set = True


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)


@app.command()
def generate(  # one option for each thing a load is made of
    *,
    kafka: Annotated[str, typer.Option(help="Bootstrap servers.")] = "localhost:9092",
    prefix: Annotated[str, typer.Option(help="Put before the names of the topics.")] = "",
    events: Annotated[int, typer.Option(min=0, help="Predictions; 0: until Ctrl-C (paced only).")] = 100_000,
    rate: Annotated[float, typer.Option(min=0, help="Predictions per second; 0: as fast as the broker takes.")] = 0.0,
    event_rate: Annotated[float, typer.Option(min=0.001, help="Per second of event time when not paced.")] = 1_000.0,
    through: Annotated[Literal["bytes", "recorder"], typer.Option(help="Encoded bytes, or the Recorder.")] = "bytes",
    seed: int = 1,
    models: Annotated[int, typer.Option(min=1)] = 1,
    model_skew: Annotated[float, typer.Option(min=0, help="Exponent of Zipf's law over models.")] = 0.0,
    versions: Annotated[int, typer.Option(min=1)] = 1,
    numeric: Annotated[int, typer.Option(min=0)] = 15,
    categorical: Annotated[int, typer.Option(min=0)] = 5,
    segments: Annotated[int, typer.Option(min=0, help="Segment dimensions.")] = 1,
    segment_values: Annotated[int, typer.Option(min=1)] = 4,
    padding: Annotated[int, typer.Option(min=0, help="Bytes added to each prediction.")] = 0,
    label_ratio: Annotated[float, typer.Option(min=0, max=1)] = 1.0,
    label_delay: Annotated[float, typer.Option(min=0, help="Median, in seconds.")] = 10.0,
    label_spread: Annotated[float, typer.Option(min=0, help="Standard deviation of its logarithm.")] = 0.5,
    drift: Annotated[DriftKind, typer.Option(help="What changes.")] = "none",
    drift_at: Annotated[float, typer.Option(min=0, help="Seconds of event time after the start.")] = 0.0,
    drift_size: float = 1.0,
    drift_features: Annotated[int, typer.Option(min=1)] = 1,
    partition_skew: Annotated[float | None, typer.Option(min=0, help="Zipf over partitions; omit: by key.")] = None,
    partitions: Annotated[int, typer.Option(min=1, help="Of topics that are created, and for the skew.")] = 4,
    create: Annotated[bool, typer.Option("--create", help="Create the topics first.")] = False,
    definition: Annotated[Path | None, typer.Option(help="Write definition and reference here, send nothing.")] = None,
) -> None:
    """Send predictions and labels, seeded: the same options make the same bytes."""
    spec = LoadSpec(
        seed=seed,
        per_second=rate or event_rate,
        models=models,
        model_skew=model_skew,
        versions=versions,
        numeric=numeric,
        categorical=categorical,
        segments=segments,
        segment_values=segment_values,
        padding_bytes=padding,
        label_ratio=label_ratio,
        label_delay_seconds=label_delay,
        label_spread=label_spread,
        partition_skew=partition_skew,
        partitions=partitions,
        start_ms=time.time_ns() // 1_000_000 if rate else START_MS,
        drifts=(Drift(drift, drift_at, drift_size, drift_features),),
    )
    if definition is not None:
        definition.mkdir(parents=True, exist_ok=True)
        typer.echo(f"apply it with: tidegauge apply -f {write_definition(definition, spec, Watch())}")
        return
    _check(events, rate, through)
    settings, names = {"bootstrap.servers": kafka}, TopicNames(prefix)
    if create:
        specs = topic_specs(names, partitions=partitions, profile_partitions=partitions)
        create_topics(settings, list(specs), replication=1)
    console = Console(stderr=True)
    with _bar(console) as bar:
        if rate:
            sent = _paced(spec, events, Sink(settings, names, prompt=True), bar)
        else:
            sent = _at_once(spec, events, settings, names, bar, through)
    _tell(sent, spec, paced=bool(rate))


def _check(events: int, rate: float, through: str) -> None:
    if not events and not rate:
        raise typer.BadParameter("0 (no end) needs --rate", param_hint="--events")
    if rate and through == "recorder":
        raise typer.BadParameter("the Recorder sends as fast as it can: leave out --rate", param_hint="--through")


def _paced(spec: LoadSpec, events: int, sink: Sink, bar: Progress) -> Sent:
    size = max(1, round(spec.per_second / SLICES_PER_SECOND))
    # Instants count from when the first slice is ready, not from when the process started.
    source = Source(replace(spec, start_ms=time.time_ns() // 1_000_000 + 500))
    task = bar.add_task(f"{spec.per_second:,.0f}/s", total=events or None)
    slices: Iterator[Encoded] = source.slices(events, size) if events else (source.slice(size) for _ in count())
    return Pacer(sink).run(slices, lambda done: bar.update(task, advance=done), Stop())


def _at_once(
    spec: LoadSpec, events: int, settings: dict[str, str], names: TopicNames, bar: Progress, through: str
) -> Sent:
    source = Source(spec)
    encoding = bar.add_task("encoding", total=events)
    messages = []
    for part in source.slices(events):
        messages += part.messages
        bar.update(encoding, completed=source.predictions)
    sending = bar.add_task("sending", total=len(messages))

    def progress(done: int) -> None:
        bar.update(sending, advance=done)

    if through == "recorder":
        return Service(settings, names.prefix).run(Encoded(messages), progress)
    return blast(Sink(settings, names), Encoded(messages), progress)


def _tell(sent: Sent, spec: LoadSpec, *, paced: bool) -> None:
    text = f"{sent.messages:,} messages in {sent.seconds:.1f} s: {sent.per_second:,.0f}/s, seed {spec.seed}"
    if paced:
        median, high, most = sent.lag_seconds
        text += f"; late by {median * 1e3:.0f} ms (median), {high * 1e3:.0f} (p99), {most * 1e3:.0f} (most)"
    typer.echo(text)
    if sent.failed:
        typer.echo(f"{sent.failed:,} messages were not delivered", err=True)
        raise typer.Exit(3)


def run() -> None:
    """Entry point."""
    app()
