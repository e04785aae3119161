"""The subscriber of the demo: reads reports and alerts as any other program would, and writes them down."""

import threading
import time
from collections import Counter
from collections.abc import Callable

from stream.demo.board import Board
from stream.demo.files import DemoFiles
from stream.kafka.clients import make_consumer
from stream.kafka.topics import TopicNames
from tidegauge import AlertStream, decode_report, encode


class Listener:
    """Two threads that feed the board; `counted` holds what the reports say was counted, by model."""

    def __init__(self, settings: dict[str, str], names: TopicNames, files: DemoFiles, board: Board) -> None:
        self._settings = settings
        self._names = names
        self._files = files
        self._board = board
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._reports, name="demo-reports", daemon=True),
            threading.Thread(target=self._alerts, name="demo-alerts", daemon=True),
        ]
        self.counted: Counter[tuple[str, str]] = Counter()
        self.first_alert_at: dict[str, float] = {}

    def start(self) -> None:
        """Begin to read, from the start of both topics."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._ended.set()
        for thread in self._threads:
            thread.join(5.0)

    def wait_for(self, expected: dict[tuple[str, str], int], seconds: float, stop: Callable[[], bool]) -> bool:
        """Wait until the reports account for `expected`; False when they do not in time."""
        deadline = time.monotonic() + seconds
        while any(self.counted[key] < n for key, n in expected.items()):
            if time.monotonic() > deadline or stop():
                return False
            time.sleep(0.1)
        return True

    def _reports(self) -> None:
        consumer = make_consumer(
            {
                **self._settings,
                "group.id": f"{self._names.prefix}demo-reports",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": "false",
            }
        )
        consumer.subscribe([self._names.reports])
        with self._files.reports.open("wb") as out:
            while not self._ended.is_set():
                for message in consumer.consume(500, timeout=0.2):
                    value = message.value()
                    if message.error() is None and value is not None:
                        self._report(value)
                        out.write(value + b"\n")
                out.flush()
        consumer.close()

    def _report(self, value: bytes) -> None:
        report = decode_report(value)
        self._board.apply_report(report)
        if report.segment or report.window.length != "1d" or report.revision:
            return
        if report.part == "inputs":
            self.counted[report.model, "predictions"] += report.n + report.n_late
        elif report.part == "outcome" and report.age_ms == self._board.horizon_ms:
            self.counted[report.model, "labels"] += report.labelled

    def _alerts(self) -> None:
        stream = AlertStream(self._settings, prefix=self._names.prefix, start="earliest", idle_seconds=0.5)
        with self._files.alerts.open("wb") as out:
            while not self._ended.is_set():
                for alert in stream:
                    out.write(encode(alert) + b"\n")
                    out.flush()
                    self.first_alert_at.setdefault(alert.severity, time.monotonic())
                    self._board.apply_alert(alert)
        stream.close()
