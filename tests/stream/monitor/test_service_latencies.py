"""Latencies of windows below a day: of that window alone, however far the panes after it have come."""

import tracemalloc

import numpy as np

from stream.model.compile import compile_model
from stream.model.compiled import CompiledModel
from stream.monitor.fields import Fields
from stream.monitor.service_ledger import ServiceLedger
from stream.monitor.service_spans import span_panes
from stream.monitor.streams import Stream
from stream.parts.keys import PartKey
from stream.parts.service import ServicePart
from stream.timeline.panes import EpochPanes, LocalDayPanes
from stream.timeline.windows import WindowScheme
from tidegauge.definition import Definition, LatencyMonitor

HOUR_MS, PANE_MS = 3_600_000, 10_000
STREAM = Stream("m", "", "")


def compiled(*windows: str, named: tuple[str, ...] = ()) -> CompiledModel:
    monitors = [LatencyMonitor(slo="500ms", windows=list(named))]
    return compile_model(Definition(model="m", windows=list(windows), monitors=monitors))


def ledger(model: CompiledModel, upto_ms: int) -> ServiceLedger:
    """Panes up to an instant; the latency of each is its number."""
    found = ServiceLedger(Fields())
    for number, start_ms in enumerate(range(0, upto_ms, PANE_MS)):
        part = ServicePart(model.slo_ms)
        part.latency.update(np.array([float(number + 1)]))
        key = PartKey("m", "", "", "service", start_ms, start_ms + PANE_MS, True, 0, "x")
        found.add(key, part, span_panes(model))
    return found


def test_a_window_of_a_minute_has_the_latencies_of_its_minute_whatever_came_after() -> None:
    model = compiled("1m", named=("1m",))
    for end_ms in (60_000, HOUR_MS + 30_000):
        window = WindowScheme("1m").window(end_ms)
        told = [ledger(model, upto).latencies(STREAM, window, model).latency for upto in (end_ms, end_ms + HOUR_MS)]
        assert [latency.count for latency in told] == [6, 6]
        assert told[0].snapshot() == told[1].snapshot()


def test_spans_are_as_wide_as_the_windows_of_reports_allow() -> None:
    assert span_panes(compiled("1d", "7d", named=("1d",))) == LocalDayPanes("UTC")
    assert span_panes(compiled("1d")) == EpochPanes(HOUR_MS)  # burn rates count, they report no latency
    assert span_panes(compiled("1h", named=("1h",))) == EpochPanes(HOUR_MS // 6)
    assert span_panes(compiled("1d", named=("1m",))) == EpochPanes(PANE_MS)


def test_a_span_that_is_not_of_these_days_is_left_out_where_it_may_go_on_beyond_the_window() -> None:
    """Else a report would tell what has become final by now, more after a stall than without one."""
    model, elsewhere = compiled("1d", named=("1d",)), LocalDayPanes("Europe/Berlin")

    def told(upto: int) -> list[int]:
        found = ServiceLedger(Fields())
        for hour in range(23, upto):
            part = ServicePart(model.slo_ms)
            part.latency.update(np.array([1.0]))
            key = PartKey("m", "", "", "service", hour * HOUR_MS, (hour + 1) * HOUR_MS, True, 0, "x")
            found.add(key, part, elsewhere)
        days = (WindowScheme(length).window(end * 24 * HOUR_MS) for length, end in (("1d", 2), ("2d", 2), ("2d", 3)))
        return [found.latencies(STREAM, day, model).latency.count for day in days]

    assert told(upto=71) == [0, 24, 24]
    assert told(upto=48)[:2] == [0, 24]


def test_an_hour_of_short_panes_takes_little_memory() -> None:
    """A histogram in use takes 10 kB, and windows of a minute have one every ten seconds, in every segment."""
    model = compiled("1m", named=("1m",))
    tracemalloc.start()
    try:
        held = ledger(model, HOUR_MS)
        held.flush()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held.counters(STREAM).shape == (360, 6)
    assert taken < 360 * 2_000
