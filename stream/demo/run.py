"""The demo from beginning to end: servers, models, workers, replay, screen, summary."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live

from stream.definitions.apply import apply_file
from stream.demo.board import Board
from stream.demo.files import DemoFiles, write_definition, write_reference, write_settings
from stream.demo.flights import Flights, load_flights
from stream.demo.hindsight import february_loss, monthly_losses
from stream.demo.lag import LagMeter
from stream.demo.listen import Listener
from stream.demo.models import Model, train
from stream.demo.months import month_rows
from stream.demo.processes import Workers
from stream.demo.replay import VERSION, Replay, Service
from stream.demo.screen import alert_line, date, render
from stream.demo.summary import closing_words, episodes, months_table
from stream.demo.timetable import GATE, LANDED, PLANNER, Timetable, feature_rows, timetable
from stream.errors import ConfigurationError, TidegaugeError
from stream.kafka.embedded import MAX_UNREAD_BYTES, PARTITIONS, EmbeddedBroker
from stream.kafka.logs import Logs
from stream.kafka.topics import TopicNames, create_topics, topic_specs
from stream.store.embedded import EmbeddedStore
from stream.store.reach import require_store
from stream.timeline.durations import parse_duration
from stream.timeline.panes import LocalDayPanes
from tidegauge import Recorder

WORKERS = 2
HORIZON_MS = parse_duration("2d")
GROUP = "tidegauge"


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says."""

    folder: Path
    seconds: float | None = None
    plain: bool = False
    keep: bool = False
    kafka: str | None = None
    redis: str | None = None
    prefix: str = ""


def require_unused(settings: dict[str, str], topics: Collection[str]) -> None:
    """Raise ConfigurationError when one of the topics ever held an event: a year that was counted counts no more."""
    with contextlib.closing(Logs(settings)) as logs:
        used = [topic for topic in sorted(topics) for number in range(PARTITIONS) if logs.span(topic, number).stop]
    if used:
        raise ConfigurationError(
            f"topic {used[0]} holds events already: choose another --prefix, for the demo counts each event once"
        )


@dataclass
class Demo:
    """One run; `run` does it all."""

    options: DemoOptions
    console: Console
    started: float = field(default_factory=time.monotonic)
    interrupted: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Run to the end of the year, to `--seconds`, or to Ctrl-C."""
        self.options.folder.mkdir(parents=True, exist_ok=True)
        files = DemoFiles(self.options.folder.resolve())
        with contextlib.ExitStack() as stack:
            settings, redis = self._servers(stack, files)
            workers = Workers(files.worker, WORKERS)
            stack.callback(workers.stop)
            flights = load_flights()
            models = self._models(files, flights)
            for name in models:
                apply_file(files.definition(name), settings, TopicNames(self.options.prefix))
            self._watch(stack, settings, redis, files, flights, models, workers)

    def _servers(self, stack: contextlib.ExitStack, files: DemoFiles) -> tuple[dict[str, str], str]:
        embedded = self.options.kafka is None
        bootstrap = self.options.kafka or self._broker(stack)
        redis = self.options.redis or stack.enter_context(EmbeddedStore()).url
        require_store(redis)
        settings = {"bootstrap.servers": bootstrap}
        names = TopicNames(self.options.prefix)
        if not embedded:
            specs = list(topic_specs(names, partitions=PARTITIONS, profile_partitions=PARTITIONS))
            there = {topic.name for topic in create_topics(settings, specs) if not topic.created}
            require_unused(settings, there & {names.predictions, names.labels})
        # An embedded partition silently drops what is not read in time: workers follow their own readers too.
        extra = f"max_unread_bytes: {MAX_UNREAD_BYTES}\n" if embedded else ""
        write_settings(files, bootstrap=bootstrap, redis=redis, prefix=names.prefix, group=GROUP, extra=extra)
        return settings, redis

    def _broker(self, stack: contextlib.ExitStack) -> str:
        broker = stack.enter_context(EmbeddedBroker())
        specs = topic_specs(TopicNames(self.options.prefix), partitions=PARTITIONS, profile_partitions=PARTITIONS)
        broker.create(spec.name for spec in specs)
        return broker.bootstrap

    def _models(self, files: DemoFiles, flights: Flights) -> dict[str, tuple[Model, Any]]:
        models = {}
        for name in ("planner", "gate"):
            model = train(name, flights, flights.month == 1)
            scores = model.scores(flights.frame)
            times = flights.scheduled_ms if name == "planner" else flights.departed_ms
            write_reference(files, model, flights, (flights.month == 2) & (times >= 0), scores, times)
            write_definition(files, model)
            models[name] = (model, scores)
        return models

    def _watch(
        self,
        stack: contextlib.ExitStack,
        settings: dict[str, str],
        redis: str,
        files: DemoFiles,
        flights: Flights,
        models: dict[str, tuple[Model, Any]],
        workers: Workers,
    ) -> None:
        names = TopicNames(self.options.prefix)
        board = Board(HORIZON_MS)
        listener = Listener(settings, names, files, board)
        listener.start()
        stack.callback(listener.stop)
        meter = LagMeter(settings, redis, names.prefix)
        stack.callback(meter.close)
        recorder = Recorder(settings, model="planner", version=VERSION, prefix=names.prefix)
        stack.callback(recorder.close)
        services = [
            Service(
                recorder.for_model(name, VERSION), feature_rows(flights, name), models[name][0].scorer(flights.frame)
            )
            for name in ("planner", "gate")
        ]
        table = timetable(flights)
        replay = Replay(flights, table, services[0], services[1], meter, self._over)
        with self._screen(board, replay) as draw:
            self._play(replay, draw, workers)
            if not self._over():
                self._settle(replay, table, listener, draw)
        self._summary(files, board, listener, flights, models, complete=not self._over())
        if self.options.keep:
            self.console.print("servers and workers go on until Ctrl-C")
            self.interrupted.wait()

    def _over(self) -> bool:
        spent = time.monotonic() - self.started
        return self.interrupted.is_set() or (self.options.seconds is not None and spent > self.options.seconds)

    def _play(self, replay: Replay, draw: Callable[[], None], workers: Workers) -> None:
        failure: list[BaseException] = []

        def body() -> None:
            try:
                replay.run()
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                failure.append(error)

        thread = threading.Thread(target=body, name="demo-replay", daemon=True)
        thread.start()
        while thread.is_alive():
            workers.check()
            draw()
            thread.join(0.25)
        if failure:
            raise failure[0]

    def _settle(self, replay: Replay, table: Timetable, listener: Listener, draw: Callable[[], None]) -> None:
        replay.finish(_end(int(table.times_ms[-1])))
        landed = int(np.count_nonzero(table.kinds == LANDED))
        expected = {
            ("planner", "predictions"): int(np.count_nonzero(table.kinds == PLANNER)),
            ("gate", "predictions"): int(np.count_nonzero(table.kinds == GATE)),
            ("planner", "labels"): landed,
            ("gate", "labels"): landed,
        }
        listener.wait_for(expected, 60.0, self._over)
        once = all(listener.counted[key] == n for key, n in expected.items())
        draw()
        rows = ", ".join(f"{m} {what} {listener.counted[m, what]:,} of {n:,}" for (m, what), n in expected.items())
        if not once and not self._over():
            raise TidegaugeError(f"not every event was counted once: {rows}")
        self.console.print(f"every event was counted: {rows}", highlight=False)

    @contextlib.contextmanager
    def _screen(self, board: Board, replay: Replay) -> Iterator[Callable[[], None]]:
        if self.options.plain or not self.console.is_terminal:
            yield _PlainScreen(self.console, board, replay).draw
            return
        with Live(console=self.console, auto_refresh=False, transient=False) as live:

            def draw() -> None:
                seconds = time.monotonic() - replay.progress.started_seconds
                live.update(render(board, replay.progress, seconds), refresh=True)

            yield draw

    def _summary(
        self,
        files: DemoFiles,
        board: Board,
        listener: Listener,
        flights: Flights,
        models: dict[str, tuple[Model, Any]],
        *,
        complete: bool,
    ) -> None:
        for name in models:
            self.console.print(episodes(board.alerts, name))
        for severity, at in listener.first_alert_at.items():
            self.console.print(f"first {severity}: {at - self.started:.1f} s after the start", highlight=False)
        if complete:
            self.console.print("fitting a new model for each week of the year, to compare ...")
            for name, (_, scores) in models.items():
                healthy = february_loss(flights, scores)
                rows = month_rows(board.months, monthly_losses(flights, name, scores), name, healthy)
                self.console.print(months_table(rows, name, healthy))
        self.console.print(closing_words(files), highlight=False, soft_wrap=True)


class _PlainScreen:
    """Lines instead of a live table: alerts as they come, and the date now and then."""

    def __init__(self, console: Console, board: Board, replay: Replay) -> None:
        self._console = console
        self._board = board
        self._replay = replay
        self._shown = 0
        self._said = 0.0

    def draw(self) -> None:
        """Print what is new."""
        for alert in list(self._board.alerts[self._shown :]):
            self._console.print(alert_line(alert), soft_wrap=True)
            self._shown += 1
        now = time.monotonic()
        if now - self._said > 5.0 and self._replay.progress.now_ms:
            self._said = now
            progress = self._replay.progress
            self._console.print(f"{date(progress.now_ms)}: {progress.events:,} events", highlight=False)


def _end(time_ms: int) -> int:
    """Return the instant at which the day of the last event is over and all its labels have had their time."""
    panes = LocalDayPanes("America/New_York")
    return panes.end(panes.start(time_ms)) + HORIZON_MS + parse_duration("10s")
