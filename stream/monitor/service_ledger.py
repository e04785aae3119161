"""Requests, errors and latency over time: fine counters for burn rates, coarser histograms for reports."""

from dataclasses import dataclass, field
from operator import itemgetter

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.model.compiled import CompiledModel
from stream.monitor.by_model import ByModel
from stream.monitor.fields import Fields
from stream.monitor.service_spans import span_panes
from stream.monitor.streams import Stream, field_name
from stream.parts.keys import PartKey
from stream.parts.service import ServicePart
from stream.timeline.panes import PaneScheme
from tidegauge.alerts import Window

PREFIX = "s"

Counters = NDArray[np.int64]
"""int64[panes, 6]: start, end, rows, errors, stated latencies, slow ones; by start."""

START, END, ROWS, ERRORS, LATENCIES, SLOW = range(6)


class _Stored(msgspec.Struct, array_like=True):
    rows: list[list[int]]
    body: bytes


@dataclass
class _Span:
    """The panes of one stream and span, and their latencies merged: packed, for a histogram in use takes 10 kB."""

    slo_ms: int | None
    body: bytes
    rows: list[list[int]] = field(default_factory=list)

    def open(self) -> ServicePart:
        """Return the latencies as a part of its own."""
        return ServicePart.from_snapshot(self.body)


class ServiceLedger:
    """Final service panes by stream.

    A pane is as short as ten seconds, and a day has 8 640 of them for each segment: so their histograms are merged by
    spans, as wide as the reports allow (a longer pane is its own span), and only six integers a pane are kept apart.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._spans: ByModel[Stream, dict[int, _Span]] = ByModel()
        self._counters: dict[Stream, Counters] = {}
        self._open: dict[tuple[Stream, int], ServicePart] = {}

    def add(self, key: PartKey, part: ServicePart, scheme: PaneScheme) -> None:
        """Take in a final pane, into one of the spans of `scheme`; `flush` writes it."""
        stream, at_ms = Stream(key.model, key.version, key.segment), _span_start(key, scheme)
        spans = self._spans.setdefault(stream, {})
        span = spans.get(at_ms)
        if span is None or span.slo_ms != part.slo_ms:
            # Another limit counts other requests: what was counted against the old one is no part of this span.
            span = spans[at_ms] = _Span(part.slo_ms, b"", [] if span is None else span.rows)
            self._open[stream, at_ms] = ServicePart(part.slo_ms)
        elif (stream, at_ms) not in self._open:
            self._open[stream, at_ms] = span.open()
        self._open[stream, at_ms].merge(part)
        span.rows.append([
            key.pane_start_ms, key.pane_end_ms, part.rows, part.errors, part.latency_n, part.over_slo
        ])  # fmt: skip
        self._counters.pop(stream, None)

    def flush(self) -> None:
        """Pack and write the spans that changed: once for all panes of a round, of which there may be hundreds."""
        for (stream, at_ms), part in sorted(self._open.items(), key=itemgetter(0)):
            span = self._spans[stream][at_ms]
            span.body = part.snapshot()
            stored = _Stored(span.rows, span.body)
            self._fields.put(field_name(PREFIX, *stream, at_ms), msgspec.msgpack.encode(stored))
        self._open.clear()

    def load(self, key: list[object], data: bytes) -> None:
        """Put a stored span back."""
        model, version, segment, at_ms = key
        stored = msgspec.msgpack.decode(data, type=_Stored)
        stream = Stream(str(model), str(version), str(segment))
        slo_ms = ServicePart.from_snapshot(stored.body).slo_ms  # what is damaged is to be found now
        self._spans.setdefault(stream, {})[int(str(at_ms))] = _Span(slo_ms, stored.body, stored.rows)

    @property
    def models(self) -> set[str]:
        """Models with any pane."""
        return self._spans.models

    def streams(self, model: str) -> list[Stream]:
        """Return the versions and segments of a model, sorted."""
        return sorted(self._spans.of(model))

    def first_ms(self, model: str) -> int | None:
        """Return the start of the earliest pane, None without one."""
        starts = [row[START] for s in self.streams(model) for span in self._spans[s].values() for row in span.rows]
        return min(starts, default=None)

    def counters(self, stream: Stream) -> Counters:
        """Return the stream's panes, by start; not to be changed by the caller."""
        known = self._counters.get(stream)
        if known is None:
            rows = [row for span in self._spans.get(stream, {}).values() for row in span.rows]
            known = np.array(sorted(rows), dtype=np.int64).reshape(len(rows), 6)
            self._counters[stream] = known
        return known

    def inside(self, stream: Stream, window: Window) -> Counters:
        """Return the stream's panes inside a window, by start."""
        counters = self.counters(stream)
        return counters[(counters[:, START] >= window.start_ms) & (counters[:, END] <= window.end_ms)]

    def totals(self, stream: Stream, window: Window) -> NDArray[np.int64]:
        """Return int64[4]: rows, errors, stated latencies and slow ones of the panes inside a window."""
        totals: NDArray[np.int64] = self.inside(stream, window)[:, ROWS:].sum(axis=0)
        return totals

    def latencies(self, stream: Stream, window: Window, compiled: CompiledModel) -> ServicePart:
        """Return the merged histograms of the spans that lie inside a window.

        Only of those: one that goes on beyond it holds whatever panes have become final by now, more after a stall
        than without one, and a report must not depend on that. Where days begin at half hours, an hour is left out.
        """
        merged, scheme = ServicePart(compiled.slo_ms), span_panes(compiled)
        for at_ms, span in sorted(self._spans.get(stream, {}).items()):
            last_ms = max(_span_end(at_ms, scheme), span.rows[-1][END])
            if window.start_ms <= at_ms and last_ms <= window.end_ms and span.slo_ms == compiled.slo_ms:
                merged.merge(self._open.get((stream, at_ms)) or span.open())
        return merged

    def drop_before(self, model: str, end_ms: int) -> None:
        """Forget the spans of a model whose last pane ended at or before an instant."""
        for stream in self.streams(model):
            spans = self._spans[stream]
            for at_ms in [at for at, span in spans.items() if max(row[END] for row in span.rows) <= end_ms]:
                del spans[at_ms]
                self._counters.pop(stream, None)
                self._fields.delete(field_name(PREFIX, *stream, at_ms))
            if not spans:
                del self._spans[stream]


def _span_start(key: PartKey, scheme: PaneScheme) -> int:
    start_ms = scheme.start(key.pane_start_ms)
    return start_ms if key.pane_end_ms <= scheme.end(start_ms) else key.pane_start_ms


def _span_end(at_ms: int, scheme: PaneScheme) -> int:
    """Return where a span ends at the latest: one of another timezone's days ends before the second bound after it."""
    end_ms = scheme.end(at_ms)
    return end_ms if scheme.start(at_ms) == at_ms else scheme.end(end_ms)
