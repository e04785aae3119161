"""The sending process, as whoever measures holds it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from load.soak.feed import Fed, Feeding
from load.soak.witness import Place, read_witness

ROOT = Path(__file__).parents[2]


class Feeder:
    """Starts a feed; what it sent can be read when it has ended. Leaving the `with` block ends it."""

    def __init__(self, given: Feeding) -> None:
        self._folder = Path(given.folder)
        self._log = self._folder / "feed.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "load.soak.feed", given.text()],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether everything was sent; raises RuntimeError when it ended otherwise."""
        code = self._process.poll()
        if code:
            raise RuntimeError(f"the feed ended with {code}: {self._log.read_text(encoding='utf-8')[-2000:]}")
        return code == 0

    @property
    def fed(self) -> Fed:
        """What was sent."""
        told = json.loads((self._folder / "fed.json").read_text(encoding="ascii"))
        return Fed(**{**told, "late_seconds": tuple(told["late_seconds"])})

    @property
    def seen(self) -> dict[Place, dict[int, float]]:
        """When each second of event time was reached."""
        return read_witness(self._folder / "witness.json")
