"""Deciding on requests: windows of traffic and named budgets, burn rates, late rows."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from stream.model.compiled import CompiledModel
from stream.monitor.alert_book import AlertKey
from stream.monitor.burn_rate import PAIRS, BurnPair, Transition, burn_transitions
from stream.monitor.config import MonitorConfig
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import Firing
from stream.monitor.rules import BudgetRule, Rules
from stream.monitor.schedule import Due
from stream.monitor.scopes import late_scope, service_scope, traffic_scope
from stream.monitor.service_judge import judge_budget, judge_traffic
from stream.monitor.service_ledger import ERRORS, LATENCIES, ROWS, SLOW
from stream.monitor.state import MonitorState
from stream.monitor.streams import ALL_VERSIONS, Stream
from stream.monitor.windows import late_rows
from tidegauge.alerts import AlertKind, Finding
from tidegauge.reports import Report

KINDS: tuple[AlertKind, ...] = ("latency", "errors")
"""Kinds with a budget; traffic is judged beside them."""

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def decide_service(
    state: MonitorState, judges: ModelJudges, stream: Stream, due: Due, config: MonitorConfig
) -> Report | None:
    """Judge named budgets of one version and segment's window, and return its report; None without requests."""
    totals = state.service.totals(stream, due.window)
    named = [rule for rule in judges.rules.budgets if due.scheme.length in rule.windows]
    if not totals[0] and not (named and state.alerts.holding(stream, KINDS)):
        return None
    memory = state.scope(stream, "service", due.scheme.length)
    for rule in named:
        firing = judge_budget(memory, rule, totals, due.window, config)
        state.alerts.hold(AlertKey(*stream, rule.kind), service_scope(due.scheme.length), firing)
    if named:
        state.keep_scope(stream, "service", due.scheme.length)
    latency = state.service.latencies(stream, due.window, due.compiled).latency
    quantiles = {name: round(latency.quantile(q), 3) for name, q in _QUANTILES.items()} if latency.count else {}
    firing_now = any(memory.subject(rule.kind).window.firing for rule in named)
    return Report(
        model=stream.model,
        version=stream.version,
        segment=stream.segment,
        part="service",
        window=due.window,
        n=int(totals[0]),
        reference=judges.reference_id,
        state="firing" if firing_now else "ok",
        latency_ms=quantiles,
        over_slo_ratio=_ratio(int(totals[SLOW - ROWS]), int(totals[LATENCIES - ROWS])),
        error_ratio=_ratio(int(totals[ERRORS - ROWS]), int(totals[0])),
    )


def decide_traffic(state: MonitorState, judges: ModelJudges, segment: str, due: Due, *, whole: bool) -> Report | None:
    """Judge the traffic of all versions of a segment together; None where nobody watches it or nothing is known."""
    view = judges.traffic(segment, due.scheme)
    stream = Stream(due.compiled.model, ALL_VERSIONS, segment)
    key, scope = AlertKey(*stream, "traffic"), traffic_scope(due.scheme.length)
    if view is None:
        state.forget_scope(stream, "traffic", due.scheme.length)
        state.alerts.hold(key, scope, [])
        return None
    if not whole:
        return None
    rows = sum(
        int(state.service.totals(one, due.window)[0])
        for one in state.service.streams(stream.model)
        if one.segment == segment
    )
    memory = state.scope(stream, "traffic", due.scheme.length)
    judges.bind(memory, "inputs")  # which a learnt reference has the rows from
    band, firing = judge_traffic(memory, view, judges.budget, rows, due.window)
    state.keep_scope(stream, "traffic", due.scheme.length)
    if band is not None or not view.blocks.calibrated:  # else just these hours are not known: what fired goes on
        state.alerts.hold(key, scope, firing)
    if band is None:
        return None
    return Report(
        model=stream.model,
        segment=segment,
        part="service",
        window=due.window,
        n=rows,
        reference=judges.reference_id,
        state="firing" if firing else "ok",
        n_expected=round(band.expected, 3),
        n_lower=round(band.lower, 3),
        n_upper=round(band.upper, 3),
        notes=["traffic of all versions"],
    )


def burn(
    state: MonitorState,
    revisions: Sequence[tuple[CompiledModel, Rules]],
    model: str,
    span: tuple[int, int],
    config: MonitorConfig,
) -> Iterator[tuple[Stream, BudgetRule, Transition]]:
    """Yield (stream, rule, transition) of every burn-rate pair of a model in (span[0], span[1]].

    Each instant is judged by the revision in force, by `effective_from_ms`.
    """
    streams = state.service.streams(model)
    bounds = [span[0], *(compiled.effective_from_ms for compiled, _ in revisions[1:]), span[1]]
    for (_, rules), (from_ms, until_ms) in zip(revisions, pairwise(bounds), strict=True):
        piece = (max(span[0], from_ms), min(span[1], until_ms))
        if piece[0] >= piece[1]:
            continue
        burning = [rule for rule in rules.budgets if not rule.windows]
        for rule in burning:
            for stream in streams:
                for pair in PAIRS:
                    yield from _burn(state, stream, rule, pair, piece, config)
        for kind in [kind for kind in KINDS if all(rule.kind != kind for rule in burning)]:
            for stream in streams:
                # What fires is let go of; declared again, it would cease at an instant long past.
                state.forget_burns(stream, kind)


def _burn(
    state: MonitorState,
    stream: Stream,
    rule: BudgetRule,
    pair: BurnPair,
    span: tuple[int, int],
    config: MonitorConfig,
) -> Iterator[tuple[Stream, BudgetRule, Transition]]:
    memory = state.burn(stream, rule.kind, pair.long)
    before = (memory.firing, memory.held_ms)
    for transition in burn_transitions(state.service.counters(stream), rule, pair, memory, span, config):
        yield stream, rule, transition
    if (memory.firing, memory.held_ms) != before:
        state.keep_burn(stream, rule.kind, pair.long)


def decide_late(state: MonitorState, stream: Stream, due: Due, config: MonitorConfig) -> None:
    """Judge the share of late rows of a window, once no more can come."""
    on_time, late = late_rows(state.panes, state.incoming, stream, due.seen)
    ratio = late / (on_time + late) if on_time + late else 0.0
    firing = []
    if ratio > config.late_ratio and on_time + late >= config.rows_min:
        finding = Finding(
            subject="late rows",
            detector="window",
            value=round(ratio, 6),
            threshold=config.late_ratio,
            since_ms=due.window.start_ms,
        )
        firing = [Firing(finding=finding, severity="warning", window=due.window, n=on_time + late)]
    state.alerts.hold(AlertKey(*stream, "tidegauge.state"), late_scope(due.scheme.length), firing)


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
