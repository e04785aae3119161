"""Everything a monitor keeps, and how it comes back from stored fields."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

import msgspec

from stream.monitor import (
    alert_book,
    drift_log,
    incoming,
    outputs,
    panes,
    schedule,
    service_ledger,
    told,
    watch,
    watermarks,
)
from stream.monitor.alert_book import AlertBook
from stream.monitor.burn_rate import PAIRS, BurnMemory
from stream.monitor.drift_log import DriftLog
from stream.monitor.fields import Fields
from stream.monitor.incoming import Incoming
from stream.monitor.memory import ScopeMemory
from stream.monitor.outputs import Outbox
from stream.monitor.panes import Panes
from stream.monitor.schedule import Progress
from stream.monitor.service_ledger import ServiceLedger
from stream.monitor.streams import Stream, field_name, parse_field_name
from stream.monitor.stretches import HARM, HarmLog
from stream.monitor.told import Told
from stream.monitor.watch import Watch
from stream.monitor.watermarks import Watermarks
from stream.parts.keys import PartKey

_SCOPE = "d"
_BURN = "b"
_NEXT_OUTPUT = "next"

ScopeKey = tuple[str, str, str, str, str, int]
"""Model, version, segment, family, window length, label age."""


class MonitorState:
    """State of one partition of the `profiles` topic, every change of which is noted as a field."""

    def __init__(self) -> None:
        self.fields = Fields()
        self.watermarks = Watermarks(self.fields)
        self.incoming = Incoming(self.fields)
        self.panes = Panes(self.fields)
        self.service = ServiceLedger(self.fields)
        self.drift_log = DriftLog(self.fields)
        self.harm_log = HarmLog(self.fields)
        self.alerts = AlertBook(self.fields)
        self.outbox = Outbox(self.fields)
        self.watch = Watch(self.fields)
        self.told = Told(self.fields)
        self.progress: dict[str, Progress] = {}
        self._scopes: dict[ScopeKey, ScopeMemory] = {}
        self._burns: dict[tuple[str, ...], BurnMemory] = {}

    def progress_of(self, model: str) -> Progress:
        """Return how far a model was decided; its `store` writes it."""
        return self.progress.setdefault(model, Progress())

    def scope(self, stream: Stream, family: str, length: str, age_ms: int = 0) -> ScopeMemory:
        """Return the detectors of one version, segment and window length; `keep_scope` writes them."""
        return self._scopes.setdefault((*stream, family, length, age_ms), ScopeMemory())

    def keep_scope(self, stream: Stream, family: str, length: str, age_ms: int = 0) -> None:
        """Write the detectors that `scope` returned."""
        key = (*stream, family, length, age_ms)
        self.fields.put(field_name(_SCOPE, *key), msgspec.msgpack.encode(self._scopes[key]))

    def forget_scope(self, stream: Stream, family: str, length: str) -> None:
        """Forget the detectors of one version, segment and window length: nothing can judge it any more."""
        key = (*stream, family, length, 0)
        if self._scopes.pop(key, None) is not None:
            self.fields.delete(field_name(_SCOPE, *key))

    def burn(self, stream: Stream, kind: str, pair: str) -> BurnMemory:
        """Return the state of one burn-rate pair; `keep_burn` writes it."""
        return self._burns.setdefault((*stream, kind, pair), BurnMemory())

    def keep_burn(self, stream: Stream, kind: str, pair: str) -> None:
        """Write the state that `burn` returned."""
        memory = self._burns[(*stream, kind, pair)]
        self.fields.put(field_name(_BURN, *stream, kind, pair), msgspec.msgpack.encode(memory))

    def drop_detectors(self, before_ms: Mapping[str, int], left: Collection[Stream]) -> None:
        """Forget the detectors of some models that took nothing since an instant, but for those of streams in `left`.

        Traffic is of all versions together, and watched in silence, too.
        """
        for key, scope in list(self._scopes.items()):
            idle = key[0] in before_ms and scope.last_ms < before_ms[key[0]] and not scope.firing
            if idle and key[3] != "traffic" and Stream(*key[:3]) not in left:
                del self._scopes[key]
                self.fields.delete(field_name(_SCOPE, *key))
        for pair, burn in list(self._burns.items()):
            if pair[0] in before_ms and not burn.firing and Stream(*pair[:3]) not in left:
                del self._burns[pair]
                self.fields.delete(field_name(_BURN, *pair))

    def forget_burns(self, stream: Stream, kind: str) -> None:
        """Forget the state of a kind's burn-rate pairs: nobody watches them."""
        for pair in PAIRS:
            if self._burns.pop((*stream, kind, pair.long), None) is not None:
                self.fields.delete(field_name(_BURN, *stream, kind, pair.long))

    def of_models(self, models: Collection[str]) -> dict[str, dict[bytes, bytes]]:
        """Return by model the fields that no log tells again: what was decided, and by which detectors."""
        found: dict[str, dict[bytes, bytes]] = {model: {} for model in models}
        for model, field, value in chain(
            self._detectors_of(models),
            self.alerts.of_models(models),
            self.drift_log.of_models(models),
            self.harm_log.of_models(models),
        ):
            found[model][field] = value
        return found

    def _detectors_of(self, models: Collection[str]) -> Iterator[tuple[str, bytes, bytes]]:
        pack = msgspec.msgpack.encode
        for model in models:
            yield model, field_name(schedule.PREFIX, model), pack(self.progress[model])
        for key, scope in self._scopes.items():
            if key[0] in models:
                yield key[0], field_name(_SCOPE, *key), pack(scope)
        for pair, burn in self._burns.items():
            if pair[0] in models:
                yield pair[0], field_name(_BURN, *pair), pack(burn)

    def keep_outbox(self) -> None:
        """Write the next output's number: an empty outbox must not start again from 0."""
        self.fields.put(field_name(_NEXT_OUTPUT), msgspec.msgpack.encode(self.outbox.next_number))

    def load(self, fields: Mapping[bytes, bytes]) -> None:
        """Put stored fields back into an empty state; raises ValueError for a field of no known kind."""
        for field, value in fields.items():
            prefix, key = parse_field_name(field)
            self._load(prefix, key, value)

    def _load(self, prefix: str, key: list[object], value: bytes) -> None:
        match prefix:
            case watermarks.PREFIX:
                self.watermarks.load(key, value)
            case incoming.PREFIX:
                self.incoming.load(value)
            case incoming.CLOSED:
                self.incoming.load_closed(str(key[0]), value)
            case panes.PREFIX:
                self.panes.load(msgspec.convert(key, PartKey), value)
            case service_ledger.PREFIX:
                self.service.load(key, value)
            case drift_log.PREFIX:
                self.drift_log.load(key, value)
            case alert_book.PREFIX:
                self.alerts.load(key, value)
            case outputs.PREFIX:
                self.outbox.load(msgspec.convert(key[0], int), value)
            case schedule.PREFIX:
                self.progress[str(key[0])] = msgspec.msgpack.decode(value, type=Progress)
            case _:
                self._load_detectors(prefix, key, value)

    def _load_detectors(self, prefix: str, key: list[object], value: bytes) -> None:
        if prefix == _SCOPE:
            self._scopes[msgspec.convert(key, ScopeKey)] = msgspec.msgpack.decode(value, type=ScopeMemory)
        elif prefix == _BURN:
            self._burns[msgspec.convert(key, tuple[str, ...])] = msgspec.msgpack.decode(value, type=BurnMemory)
        elif prefix == drift_log.STRETCHES:
            self.drift_log.load_stretches(key, value)
        elif prefix == HARM:
            self.harm_log.load(key, value)
        elif prefix == watch.PREFIX:
            self.watch.load(key, value)
        elif prefix == told.PREFIX:
            self.told.load(key, value)
        elif prefix == _NEXT_OUTPUT:
            number = msgspec.msgpack.decode(value, type=int)
            self.outbox.next_number = max(self.outbox.next_number, number)
        else:
            raise ValueError(f"a field of the monitor's state has the unknown kind {prefix!r}")
