"""The demo's workers: separate processes, started as a user would start them."""

import subprocess
import sys
from pathlib import Path

from stream.errors import TidegaugeError


class Workers:
    """`count` processes of `tidegauge worker` on one configuration; each logs to a file of its own."""

    def __init__(self, config: Path, count: int) -> None:
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []
        for number in range(1, count + 1):
            log = config.parent / f"worker-{number}.log"
            command = [sys.executable, "-m", "stream.cli.main", "worker", "-c", str(config), "--web-port", "0"]
            with log.open("wb") as out:
                process = subprocess.Popen(  # noqa: S603 - our own command line
                    command,
                    stdout=out,
                    stderr=out,
                    stdin=subprocess.DEVNULL,
                    # Ctrl-C belongs to the demo, which ends its workers in order.
                    start_new_session=True,
                )
            self._running.append((process, log))

    def check(self) -> None:
        """Raise when a worker has ended, with the last line of its log."""
        for process, log in self._running:
            if process.poll() is not None:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                raise TidegaugeError(
                    f"a worker ended with exit code {process.returncode}: {lines[-1] if lines else 'no output'} "
                    f"(log: {log})"
                )

    def stop(self) -> None:
        """SIGTERM to all, then wait; SIGKILL for what takes longer than 10 s."""
        for process, _ in self._running:
            process.terminate()
        for process, _ in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
