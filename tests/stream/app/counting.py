"""A core that counts: state, outputs and outbox as the monitor's, nothing of its statistics."""

from collections.abc import Iterator, Mapping, Sequence

from stream.model.catalog import Catalog
from stream.monitor.fields import Fields
from stream.monitor.outputs import HistorySnapshot, LearnedModel, Outbox, Output
from stream.monitor.streams import parse_field_name
from tidegauge.alerts import Alert
from tidegauge.codec import decode_profiles
from tidegauge.definition import Definition
from tidegauge.profiles import WatermarkReport


class CountingCore:
    """Sums what it sees; every `every` messages an alert says how many there were."""

    def __init__(self, number: int, every: int = 10) -> None:
        self.number = number
        self.every = every
        self.count = 0
        self.total = 0
        self.catalogs = 0
        self.lost = ""
        self.pauses = 0
        self.watched = 0
        self.deciding = False
        self._fields = Fields()
        self._outbox = Outbox(self._fields)
        self._told = 0

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        for name, value in fields.items():
            if name == b"count":
                self.count, self.total, self._told = map(int, value.split())
            else:
                _, (number,) = parse_field_name(name)
                self._outbox.load(int(str(number)), value)

    def check(self) -> None:
        if self.count < 0:
            raise ValueError("a negative count")

    def apply(self, message: bytes) -> None:
        decoded = decode_profiles(message)
        assert isinstance(decoded, WatermarkReport)
        self.count += 1
        self.total += decoded.shards[0].newest_ms

    def set_catalog(self, catalog: Catalog) -> None:
        self.catalogs += 1

    def steps(self) -> Iterator[Sequence[Output]]:
        self.deciding = True
        for _ in range(self.pauses):
            yield []
        self.deciding = False
        before = self._told
        outputs: list[Output] = []
        while self._told + self.every <= self.count:
            self._told += self.every
            outputs.append(alert(self.number, self._told))
            self._outbox.add(outputs[-1])
        if self.count or before != self._told:
            self._fields.put(b"count", f"{self.count} {self.total} {self._told}".encode())
        yield outputs

    def keep(self) -> None:
        """Put a snapshot behind what waits."""
        self._outbox.add(HistorySnapshot(model="m", number=1, fields={}))

    def learn(self) -> None:
        """Put something that was learnt behind what waits."""
        self._outbox.add(LearnedModel(definition=Definition(model="m"), grids={}, effective_from_ms=0))

    def watch(self, now_ms: int) -> Sequence[Output]:
        assert not self.deciding
        self.watched += 1
        return []

    def lose(self, text: str, now_ms: int) -> None:
        self.lost = text

    @property
    def unowned(self) -> frozenset[int]:
        return frozenset()

    def dirty_fields(self) -> dict[bytes, bytes | None]:
        assert not self.deciding
        return self._fields.take()

    def pending(self) -> Sequence[tuple[int, Output]]:
        return self._outbox.pending()

    def delivered(self, number: int) -> None:
        self._outbox.delivered(number)


def alert(number: int, seq: int) -> Alert:
    return Alert(alert_id=f"p{number}", seq=seq, status="firing", severity="info", kind="traffic", model="m")
