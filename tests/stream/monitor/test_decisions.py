"""What days of each sort come to."""

import pytest
from msgspec import structs

from stream.model.compiled import CompiledModel
from stream.model.reference import Reference
from stream.monitor.core import MonitorCore
from stream.monitor.outputs import Output
from stream.timeline.durations import DAY_MS
from tests.stream.monitor import world
from tests.stream.monitor.world import DAY_0, Day, Play, alerts, changed, healthy
from tidegauge.alerts import Alert
from tidegauge.reports import DriftResult, Report
from tidegauge.retraining import RetrainingRequest

HORIZON_MS = 2 * DAY_MS


def of_kind(outputs: list[Output], kind: str, segment: str = "") -> list[Alert]:
    return [alert for alert in alerts(outputs, kind) if alert.segment == segment]


def test_healthy_days_raise_nothing(play: Play) -> None:
    outputs = play(healthy(21), after=0)
    assert alerts(outputs) == []
    days = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and o.window.length == "1d"]
    assert {report.state for report in days[4:]} == {"ok"}
    assert {report.segment for report in days} == {"", "origin=EWR", "origin=JFK", "origin=LGA"}


def test_seven_day_windows_are_reported_but_four_blocks_judge_nothing(play: Play) -> None:
    outputs = play(changed(healthy(9), range(3, 9), shift_a=2.0), after=0)
    weeks = [o for o in outputs if isinstance(o, Report) and o.part == "inputs" and o.window.length == "7d"]
    assert {report.state for report in weeks if report.window.start_ms >= DAY_0} == {"uncalibrated"}
    assert {a.window.length for a in alerts(outputs) if a.window} == {"1d"}


def test_feature_drift_is_one_grouped_info_alert_with_its_effects(play: Play) -> None:
    outputs = play(changed(healthy(14), range(5, 14), shift_a=2.0, colour="green"), after=0)
    drift = alerts(outputs, "features")
    assert {(a.alert_id, a.severity, a.segment, a.status) for a in drift} == {(drift[0].alert_id, "info", "", "firing")}
    assert {f.subject for f in drift[-1].findings} == {"a", "colour"}
    assert drift[-1].quiet == 2
    assert all(a.reason in {"joined by a", "joined by colour"} for a in drift[1:])
    finding = next(f for f in drift[-1].findings if f.subject == "a")
    assert finding.effects["psi"] > 0.5
    assert finding.effects["wasserstein"] > 0.5
    assert finding.bins
    assert all(current > before for _, before, current in finding.bins[:1])
    assert finding.since_ms == DAY_0 + 5 * DAY_MS
    assert drift[0].started_ms == DAY_0 + 6 * DAY_MS
    assert len(drift[0].sample_prediction_ids) == 5
    assert {a.kind for a in alerts(outputs)} <= {"features", "performance", "calibration"}


def test_a_slow_shift_is_found_by_the_sum_and_resolves_after_three_quiet_days(play: Play) -> None:
    outputs = play(changed(healthy(26), range(3, 15), shift_a=0.3), after=0)
    firing, resolved = of_kind(outputs, "features")
    assert firing.detector == "cusum"
    assert firing.value > firing.threshold >= 5.0
    assert resolved.status == "resolved"
    assert resolved.alert_id == firing.alert_id
    assert resolved.seq == 2
    assert resolved.decided_at_ms >= DAY_0 + 17 * DAY_MS


def test_the_sum_resolves_with_the_third_quiet_day(play: Play) -> None:
    outputs = play(changed(healthy(20), range(3, 12), shift_a=1.0), after=0)
    resolved = of_kind(outputs, "features")[-1]
    days = {
        report.window.end_ms: next(r.z for r in report.drift if r.subject == "a")
        for report in outputs
        if isinstance(report, Report)
        and report.part == "inputs"
        and not report.segment
        and report.window.length == "1d"
    }
    ends = sorted(end for end in days if end > DAY_0 + 12 * DAY_MS)
    quiet = next(c for a, b, c in zip(ends, ends[1:], ends[2:], strict=False) if max(days[a], days[b], days[c]) <= 1)
    assert (resolved.status, resolved.decided_at_ms) == ("resolved", quiet)


def test_drift_in_one_segment_says_so(play: Play) -> None:
    outputs = play(changed(healthy(8), range(4, 8), shift_a=4.0, segment="EWR"), after=0)
    alert = of_kind(outputs, "features")[0]
    assert "also in origin=EWR" in alert.context
    assert "only in origin=EWR of 3 segments" in alert.summary
    began = [a.decided_at_ms for a in of_kind(outputs, "features", "origin=EWR")]
    assert all(instant < alert.decided_at_ms for instant in began), "later it is told of by the alert of all rows"


def test_a_segment_alone_has_an_alert_of_its_own(play: Play) -> None:
    outputs = play(changed(healthy(8), range(4, 8), shift_a=0.9, segment="EWR"), after=0)
    first = alerts(outputs, "features")[0]
    assert first.segment in {"", "origin=EWR"}
    assert "origin=EWR" in (first.segment or " ".join(first.context))


def test_score_and_calibration_drift_are_warnings(play: Play) -> None:
    outputs = play(changed(healthy(8), range(4, 8), score_shift=0.45))
    assert {a.severity for a in alerts(outputs, "score")} == {"warning"}
    assert {a.severity for a in alerts(outputs, "calibration")} == {"warning"}
    calibration = of_kind(outputs, "calibration")[0]
    harmed = [a for a in of_kind(outputs, "performance") if a.severity == "error"][-1]
    assert [f.subject for f in harmed.evidence] == ["score"]
    assert harmed.quiet == calibration.quiet == 4
    assert calibration.findings[0].effects["calibration"] < -0.3


def test_loss_is_an_error_only_when_its_labels_have_matured(play: Play) -> None:
    outputs = play(changed(healthy(10), range(4, 10), flip=0.4))
    performance = of_kind(outputs, "performance")
    first_error = next(a for a in performance if a.severity == "error")
    earlier = [a for a in performance if a.decided_at_ms < first_error.decided_at_ms]
    assert [a.severity for a in earlier] == ["warning"]
    assert earlier[0].decided_at_ms == DAY_0 + 5 * DAY_MS + 6 * 3_600_000
    assert first_error.decided_at_ms == DAY_0 + 5 * DAY_MS + HORIZON_MS
    assert (first_error.alert_id, first_error.seq, first_error.reason) == (earlier[0].alert_id, 2, "labels matured")
    assert first_error.evidence == []
    assert first_error.quiet == 4
    assert first_error.label_coverage == pytest.approx(0.97, abs=0.02)


def test_matured_harm_asks_for_retraining_once(play: Play) -> None:
    outputs = play(changed(healthy(12), range(4, 12), flip=0.4))
    requests = [o for o in outputs if isinstance(o, RetrainingRequest)]
    errors = [a for a in of_kind(outputs, "performance") if a.severity == "error" and a.status == "firing"]
    assert [r.alert_id for r in requests if not r.segment] == [errors[0].alert_id]


def test_evidence_is_the_drift_that_overlaps(play: Play) -> None:
    days = changed(changed(healthy(12), range(5, 11), flip=0.4), range(4, 11), shift_a=1.5)
    error = next(a for a in of_kind(play(days), "performance") if a.severity == "error")
    assert [f.subject for f in error.evidence] == ["a"]
    assert error.evidence[0].effects["wasserstein"] > 1
    assert error.quiet == 3
    assert "with drift in a (normalised Wasserstein" in error.summary


def test_before_its_label_age_a_window_is_provisional(play: Play) -> None:
    reports = [o for o in play(healthy(6)) if isinstance(o, Report) and o.part == "outcome" and not o.segment]
    by_age = {}
    for report in reports:
        if report.window.length == "1d" and report.window.start_ms == DAY_0 + 3 * DAY_MS:
            by_age[report.age_ms] = report
    states = {age: next(m.state for m in r.metrics if m.metric == "log_loss") for age, r in by_age.items()}
    assert states[3_600_000] == "provisional"
    assert states[HORIZON_MS] == "ok"
    assert by_age[3_600_000].coverage < 0.5 < by_age[HORIZON_MS].coverage


@pytest.mark.parametrize(("change", "kind"), [({"slow": 0.4}, "latency"), ({"failed": 0.4}, "errors")])
def test_a_budget_that_burns_alerts_within_the_day_and_ends(
    play_burning: Play, change: dict[str, float], kind: str
) -> None:
    outputs = play_burning(changed([Day(rows=3000)] * 3, range(1, 2), **change))
    mine = of_kind(outputs, kind)
    assert mine[0].severity == "error"
    assert mine[0].detector == "burn_rate"
    assert DAY_0 + DAY_MS < mine[0].decided_at_ms < DAY_0 + DAY_MS + 2 * 3_600_000
    assert mine[0].decided_at_ms % 50_000 == 0
    assert mine[-1].status == "resolved"
    assert mine[-1].decided_at_ms <= DAY_0 + 2 * DAY_MS + 3_600_000


def test_errors_within_the_budget_are_nobodys_business(play: Play) -> None:
    assert alerts(play(changed(healthy(4), range(2, 4), failed=0.005, slow=0.005), after=0)) == []


@pytest.mark.parametrize(("change", "kind"), [({"slow": 0.05}, "latency"), ({"failed": 0.05}, "errors")])
def test_a_budget_over_named_windows_is_judged_there(play: Play, change: dict[str, float], kind: str) -> None:
    firing, resolved = of_kind(play(changed(healthy(6), range(3, 4), **change), after=0), kind)
    assert (firing.detector, firing.threshold, firing.window.length) == ("window", 0.01, "1d")
    assert firing.value == pytest.approx(0.05, abs=0.02)
    assert resolved.status == "resolved"


@pytest.mark.parametrize(("change", "kind"), [({"slow": 0.05}, "latency"), ({"failed": 0.05}, "errors")])
def test_a_budget_stops_firing_when_requests_stop(play: Play, change: dict[str, float], kind: str) -> None:
    transitions = of_kind(play(changed(healthy(4), range(3, 4), **change), after=2), kind)
    assert [(a.status, a.decided_at_ms) for a in transitions] == [
        ("firing", DAY_0 + 4 * DAY_MS),
        ("resolved", DAY_0 + 5 * DAY_MS),
    ]


def test_traffic_that_halves_or_stops_alerts(play: Play) -> None:
    outputs = play(changed(healthy(8), range(5, 6), rows=400), after=0)
    firing, resolved = of_kind(outputs, "traffic")
    assert (firing.value, firing.severity, resolved.status) == (400.0, "warning", "resolved")
    silent = of_kind(play(healthy(5), after=2), "traffic")
    assert [(a.value, a.version) for a in silent] == [(0.0, "")]


def test_a_reference_of_another_layout_knows_no_traffic(compiled: CompiledModel, reference: Reference) -> None:
    learnt = [p for p in reference.profiles if p.part != "service" and not p.segment]
    older = Reference.of("m", [structs.replace(p, layout="older") for p in learnt], held_out=True)
    core = MonitorCore(0, world.catalog_of(compiled, older))
    outputs = world.run(core, world.in_order(world.play(healthy(3), compiled)), every=2 * world.SHARDS)
    assert alerts(outputs, "traffic") == []
    assert not any(o.n_expected is not None for o in outputs if isinstance(o, Report))


def test_labels_that_stay_away_alert_on_coverage(play: Play) -> None:
    outputs = play(changed(healthy(9), range(4, 9), unlabelled=0.5))
    coverage = of_kind(outputs, "coverage")
    assert coverage[0].severity == "warning"
    assert coverage[0].findings[0].effects["coverage"] < 0.6


def test_categories_never_seen_are_a_finding_of_their_own(play: Play) -> None:
    outputs = play(changed(healthy(6), range(4, 6), colour="pink"), after=0)
    schema = of_kind(outputs, "schema")[0]
    assert [f.subject for f in schema.findings] == ["colour"]
    assert schema.findings[0].bins[0][0] == "unseen"


def test_late_rows_over_one_percent_warn(play: Play) -> None:
    outputs = play(changed(healthy(6), range(4, 5), late=0.1), after=1)
    state = of_kind(outputs, "tidegauge.state")
    assert [a.status for a in state] == ["firing", "resolved"]
    assert state[0].decided_at_ms == DAY_0 + 5 * DAY_MS + 3_600_000


def test_every_alert_is_numbered_without_gaps(play: Play) -> None:
    outputs = play(changed(changed(healthy(16), range(3, 8), flip=0.4, shift_a=1.0), range(10, 12), score_shift=0.2))
    episodes: dict[str, list[Alert]] = {}
    for alert in alerts(outputs):
        episodes.setdefault(alert.alert_id, []).append(alert)
    assert len(episodes) > 3
    for transitions in episodes.values():
        assert [a.seq for a in transitions] == list(range(1, len(transitions) + 1))
        assert all(a.status == "firing" for a in transitions[:-1])


def inputs_of_day(outputs: list[Output], number: int, subject: str) -> DriftResult:
    end_ms = DAY_0 + (number + 1) * DAY_MS
    (report,) = (
        o
        for o in outputs
        if isinstance(o, Report) and o.part == "inputs" and not o.segment and o.window.end_ms == end_ms
        if o.window.length == "1d" and not o.revision
    )
    return next(result for result in report.drift if result.subject == subject)


def test_few_rows_have_effects_but_no_test(play: Play) -> None:
    outputs = play(changed(healthy(8), range(4, 5), rows=150, shift_a=2.0))
    few, many = (inputs_of_day(outputs, number, "a") for number in (4, 5))
    assert (few.state, few.n, few.effects["psi"] > 0.5) == ("insufficient", 150, True)
    assert (few.statistic, few.critical, few.p_value, few.z) == (None, None, None, None)
    assert None not in (many.statistic, many.critical, many.p_value, many.z)


def test_an_episode_goes_on_over_a_window_of_few_rows(play: Play) -> None:
    days = changed(changed(healthy(16), range(5, 13), shift_a=2.0), range(9, 10), rows=150)
    outputs = play(days)
    firing = of_kind(outputs, "features")
    assert [a.status for a in firing].count("resolved") == 1
    few = inputs_of_day(outputs, 9, "a")
    assert (few.state, few.n, few.statistic is None) == ("insufficient", 150, False)
