"""The whole product on real servers: every number it publishes is worked out again from the raw log.

A service with a Recorder, a client without any SDK, two workers of which one is killed -9 half-way, and a subscriber,
all separate processes; then the same log with one worker.
"""

import uuid
from collections import Counter
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from integration.end_to_end import plain, scenario
from integration.end_to_end.checks import (
    ROUNDED,
    assert_content,
    close,
    drift_of,
    key_of,
    limits_of,
    metrics_of,
    report_key,
)
from integration.end_to_end.scenario import MODEL, RUNGS_MS
from integration.end_to_end.topics import PARTITIONS
from integration.end_to_end.truth import Truth
from integration.end_to_end.truth_cells import Cells, wasserstein_bound
from integration.end_to_end.truth_detectors import Transition, transitions
from integration.end_to_end.truth_model import HORIZON_MS, PER_DAY, SEGMENTS
from integration.end_to_end.truth_windows import auc_bound, of_segment, service_numbers
from integration.end_to_end.world import ReportKey, World, make
from redis import Redis
from scipy import stats

from stream.checkpoint.names import ShardName
from stream.profiler.state import decode_meta
from tidegauge import Alert, Report, decode_alert, partition_for

pytestmark = pytest.mark.integration
DAYS = range(len(scenario.WATCHED_DAYS))
FAR_DAY = 3
"""On it one value lies far outside of every grid."""


@pytest.fixture(scope="module")
def world(bootstrap: str, real_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make(bootstrap, real_redis_url, tmp_path_factory.mktemp("world"), f"{uuid.uuid4().hex[:8]}.")


@pytest.fixture(scope="module")
def truth(world: World) -> Truth:
    return Truth(world.reference, world.rows, world.grids, limits_of(world.outputs["two"].reports))


@pytest.fixture(scope="module")
def expected_alerts(truth: Truth) -> list[Transition]:
    return list(transitions(truth.held))


def decided(world: World, segment: str, part: str, day: int, truth: Truth, age_ms: int = 0) -> Report:
    return world.outputs["two"].decided()[report_key(segment, part, truth.days(segment)[day].end_ms, age_ms)]


def test_the_scenario_has_what_the_others_claim_to_prove(world: World, truth: Truth) -> None:
    late = ~world.rows["on_time"]
    assert 40 < late.sum() < 120
    assert world.predictions.beyond_retention == 2
    assert sum(not on_time for _, on_time, _, _ in world.labels.rows) > 50
    shown = Counter(event["prediction_id"] for event, *_ in world.labels.rows)
    assert sum(count > 1 for count in shown.values()) > 200
    on_time, revised = (world.rows[f"{name}_{HORIZON_MS}"] for name in ("label", "revised"))
    assert (on_time.fillna("") != revised.fillna("")).sum() > 50
    assert [truth.days("")[day].end_ms - truth.days("")[day].start_ms for day in (3, 4)] == [
        24 * scenario.HOUR,
        25 * scenario.HOUR,
    ]


def test_inputs_of_every_window(world: World, truth: Truth) -> None:
    for segment, day in product(SEGMENTS, DAYS):
        report = decided(world, segment, "inputs", day, truth)
        assert report.n == len(truth.days(segment)[day].on_time)
        results = drift_of(report)
        assert set(results) == set(truth.drift[segment, day])
        for subject, expected in truth.drift[segment, day].items():
            told, where = results[subject], f"{segment} day {day} {subject}"
            assert (told.n, told.state) == (expected.n, expected.state), where
            assert told.statistic == close(expected.statistic), where
            assert told.critical == close(expected.critical), where
            assert told.p_value == pytest.approx(expected.p_value, rel=1e-6, abs=1e-12), where
            assert told.z == close(expected.z), where
            assert any(told.cusum == close(value) for value in expected.sums or [None]), where
            assert max(expected.sums, default=0) <= 5 or len(expected.sums) == 1, "no category drifts"
            assert told.effects == {name: close(value) for name, value in expected.effects.items()}, where
            assert told.missing_ratio == close(expected.missing_ratio), where
            assert told.unseen_ratio == close(expected.unseen_ratio), where


def test_cells_hide_no_more_than_they_say(world: World, truth: Truth) -> None:
    """Against the raw values: Wasserstein within its bound, PSI near that of exact deciles."""
    for segment, day, name in product(SEGMENTS, DAYS, scenario.NUMERIC):
        told, where = drift_of(decided(world, segment, "inputs", day, truth))[name].effects, f"{segment} {day} {name}"
        healthy, now = of_segment(world.reference, segment)[name], truth.days(segment)[day].on_time[name]
        now = now[~(now.abs() > 1e100)]  # one value beyond the grid counts at its edge
        cells = Cells(world.grids[name])
        cells.reference = [cells.count(healthy)]
        bound = wasserstein_bound(cells, cells.count(now))
        distance = stats.wasserstein_distance(healthy.dropna(), now.dropna()) / healthy.std(ddof=0)
        far = 0.1 if day == FAR_DAY and name in {"age", "income"} else 0
        assert told["wasserstein"] == pytest.approx(distance, abs=bound + far), where
        assert bound < 0.15
        edges = healthy.quantile(np.arange(0.1, 1, 0.1)).to_numpy()
        shares = [decile_shares(values, edges) for values in (healthy, now)]
        exact = float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())
        assert told["psi"] == pytest.approx(exact, abs=0.03 + 0.1 * exact), where


def decile_shares(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    """Shares of the raw values by decile of the reference, and of the missing ones."""
    counts = np.bincount(np.digitize(values.dropna(), edges), minlength=10)
    return np.maximum(np.append(counts, values.isna().sum()) / len(values), 1e-4)


def test_service_of_every_window(world: World, truth: Truth) -> None:
    for segment, day in product(SEGMENTS, DAYS):
        report = decided(world, segment, "service", day, truth)
        expected = service_numbers(truth.days(segment)[day].on_time)
        assert report.n == expected["n"]
        assert report.over_slo_ratio == close(expected["over_slo_ratio"])
        assert report.error_ratio == close(expected["error_ratio"])
        for name in ("p50", "p95", "p99"):
            assert report.latency_ms[name] == pytest.approx(expected[name], rel=0.01), f"{segment} {day} {name}"


def test_traffic_of_every_window(world: World, truth: Truth) -> None:
    reports = world.outputs["two"].decided()
    for segment in SEGMENTS:
        for day in truth.days(segment, beyond=2):
            report = reports.get(report_key(segment, "service", day.end_ms, version=""))
            assert report is not None or day.start_ms < truth.first_whole_ms
            if report is not None:
                told = (report.n_expected, report.n_lower, report.n_upper)
                assert report.n == len(day.on_time)
                blocks = truth.traffic(segment)
                expected = (blocks.healthy.mean(), *blocks.interval(PER_DAY["traffic"]))
                assert told == tuple(pytest.approx(value, abs=1e-3) for value in expected)


def test_outcomes_of_every_window_at_every_age(world: World, truth: Truth) -> None:
    for segment, day, rung in product(SEGMENTS, DAYS, RUNGS_MS):
        report, where = decided(world, segment, "outcome", day, truth, rung), f"{segment} day {day} age {rung}"
        rows = truth.days(segment)[day]
        expected = truth.outcome_numbers(rows, rung)
        assert (report.n, report.labelled) == (len(rows.on_time), expected["labelled"]), where
        assert report.coverage == pytest.approx(expected["coverage"]), where
        told = metrics_of(report)
        for name in ("log_loss", "calibration", "accuracy", "prevalence", "mean_score"):
            assert told[name].value == close(expected[name]), f"{where} {name}"
        known = rows.on_time[rows.on_time[f"label_{rung}"].notna() & rows.on_time["score"].notna()]
        bound = auc_bound(known["score"].to_numpy(), (known[f"label_{rung}"] == "bad").to_numpy().astype(int))
        assert told["roc_auc"].value == pytest.approx(expected["roc_auc"], abs=bound + ROUNDED), where
        assert bound < 0.03
        assert told["log_loss"].constant == close(expected["constant"]), where
        for name, metric in truth.outcomes[segment, day, rung].items():
            judged = told[name]
            assert judged.state == metric.state, f"{where} {name}"
            assert (judged.lower, judged.upper) == (close(metric.lower), close(metric.upper)), f"{where} {name}"
            assert (judged.z, judged.cusum) == (close(metric.z), close(metric.cusum)), f"{where} {name}"


def test_late_rows_revise_every_report_and_move_nothing(world: World, truth: Truth) -> None:
    final = world.outputs["two"].final()
    for segment, day in product(SEGMENTS, DAYS):
        rows = truth.days(segment)[day]
        report = final[report_key(segment, "inputs", rows.end_ms)]
        late = len(rows.all_rows) - len(rows.on_time)
        assert (report.n, report.n_late, report.revision > 0) == (len(rows.all_rows), late, late > 0)
        for rung in RUNGS_MS:
            told = final[report_key(segment, "outcome", rows.end_ms, rung)]
            expected = truth.outcome_numbers(rows, rung, revised=True)
            assert (told.n, told.labelled) == (len(rows.all_rows), expected["labelled"]), f"{segment} {day} {rung}"
            assert told.coverage == pytest.approx(expected["coverage"])
            assert metrics_of(told)["log_loss"].value == close(expected["log_loss"])


def test_alerts_are_those_that_must_be_and_say_what_they_must(world: World, expected_alerts: list[Transition]) -> None:
    told = sorted((a for a in world.outputs["two"].transitions().values() if a.model == MODEL), key=key_of)
    expected = sorted(expected_alerts, key=lambda transition: transition.key)
    assert [key_of(alert) for alert in told] == [transition.key for transition in expected]
    for alert, transition in zip(told, expected, strict=True):
        assert_content(alert, transition)
    drift, harm = {"features", "schema"}, {"calibration", "performance"}
    assert {alert.kind for alert in told} >= drift | harm | {"latency", "errors", "traffic", "tidegauge.state"}


def test_an_episode_has_one_id_and_each_transition_one_number(world: World) -> None:
    alerts = world.outputs["two"].alerts
    assert all(alert == world.outputs["two"].transitions()[alert.alert_id, alert.seq] for alert in alerts)
    episodes: dict[str, list[Alert]] = {}
    for alert in sorted(world.outputs["two"].transitions().values(), key=lambda a: a.seq):
        episodes.setdefault(alert.alert_id, []).append(alert)
    for of_one in episodes.values():
        assert [alert.seq for alert in of_one] == list(range(1, len(of_one) + 1))
        assert len({(a.model, a.version, a.segment, a.kind, a.started_ms) for a in of_one}) == 1
        assert [a.decided_at_ms for a in of_one] == sorted(a.decided_at_ms for a in of_one)


def test_the_subscriber_heard_every_transition_once(world: World) -> None:
    heard = [decode_alert(line.encode()) for line in world.two.log("subscriber.log").splitlines()]
    assert len(heard) == len({(a.alert_id, a.seq) for a in heard})
    assert {(a.alert_id, a.seq) for a in heard} == set(world.outputs["two"].transitions())
    for alert in heard:
        assert alert == world.outputs["two"].transitions()[alert.alert_id, alert.seq]


def test_sample_predictions_are_of_the_window_and_segment(world: World) -> None:
    sampled = [a for a in world.outputs["two"].alerts if a.sample_prediction_ids and a.window]
    assert sampled
    for alert in sampled:
        if alert.model == MODEL and alert.window:
            rows = world.rows[world.rows["id"].isin(alert.sample_prediction_ids)]
            assert len(rows) == len(alert.sample_prediction_ids) <= 5
            assert rows["ts"].between(alert.window.start_ms, alert.window.end_ms - 1).all(), alert.kind
            assert not alert.segment or (rows["region"] == alert.segment.removeprefix("region=")).all()


def test_dead_letters_say_why_and_where(world: World) -> None:
    reasons = {**scenario.BAD_PREDICTIONS, **scenario.BAD_LABELS}
    for name, cluster in (("two", world.two), ("one", world.one)):
        stood = {
            (f"{cluster.prefix}{role}", str(record.partition), str(record.offset)): record.value
            for role, log in (("predictions", world.predictions), ("labels", world.labels))
            for record in log.dead
        }
        letters = world.outputs[name].dead
        told = {(x.headers["topic"], x.headers["partition"], x.headers["offset"]): x.value for x in letters}
        assert told == stood
        for letter in letters:
            assert letter.headers["reason"] == reasons[letter.value], letter.headers
            assert letter.headers["detail"]


def test_two_workers_and_a_kill_change_nothing(world: World) -> None:
    two, one = world.outputs["two"], world.outputs["one"]
    assert _alike(two.decided(), n_late=0) == _alike(one.decided(), n_late=0)
    assert _alike(two.final()) == _alike(one.final())
    assert two.transitions() == one.transitions()


def _alike(reports: dict[ReportKey, Report], **same: int) -> dict[ReportKey, Report]:
    """Reports, without what depends on when late rows came: how many were known at once, how many revisions it took."""
    return {key: msgspec.structs.replace(report, revision=0, **same) for key, report in reports.items()}


def test_a_client_without_our_sdk_is_understood(world: World) -> None:
    reports = {key[1:]: report for key, report in world.outputs["two"].decided().items() if key[0] == "plain"}
    for at in (0, 1):
        day = plain.FIRST_DAY + pd.Timedelta(days=at)
        end_ms = int(day.timestamp() * 1000) + scenario.DAY
        assert reports["", "", "inputs", end_ms, 0].n == plain.expected(day, scenario.DAY)["n"]
        for age_ms in (scenario.HOUR, scenario.DAY):
            report, expected = reports["", "", "outcome", end_ms, age_ms], plain.expected(day, age_ms)
            assert (report.n, report.labelled) == (expected["n"], expected["labelled"])
            told = {m.metric: m.value for m in report.metrics}
            assert {name: told[name] for name in ("mae", "rmse", "bias")} == {
                name: close(expected[name]) for name in ("mae", "rmse", "bias")
            }


def test_both_clients_put_a_key_where_java_would(world: World) -> None:
    keys = {(event["model"], event["prediction_id"]): partition for event, _, partition, _ in world.predictions.rows}
    assert {model for model, _ in keys} == {MODEL, "plain"}
    assert all(partition_for(key.encode(), PARTITIONS) == partition for (_, key), partition in keys.items())


def test_every_message_is_accounted_for(world: World, real_redis_url: str) -> None:
    reasons = {"predictions": scenario.BAD_PREDICTIONS, "labels": scenario.BAD_LABELS}
    repeats = sum(event["model"] == MODEL for event, *_ in world.predictions.rows) - len(world.rows)
    dropped = {
        "predictions": {"late_beyond_retention": world.predictions.beyond_retention, "duplicate": repeats},
        "labels": {"feedback": world.labels.feedback},
    }
    for cluster, role in product((world.two, world.one), reasons):
        log = world.predictions if role == "predictions" else world.labels
        told = counts(real_redis_url, cluster.prefix, role)
        end = sum(world.ends[f"{cluster.prefix}{role}", partition] for partition in range(PARTITIONS))
        assert told["messages"] + told["gaps"] == end
        assert told["watermarks"] == log.watermarks == PARTITIONS
        assert told["dead"] == Counter(reasons[role][record.value] for record in log.dead)
        assert told["dropped"] == dropped[role]
        assert told["accepted"] == len(log.rows) - dropped[role].get("duplicate", 0)
        assert told["rows"] == told["accepted"] + told["dead"].total() + told["dropped"].total()
        assert told["rows"] + told["watermarks"] == end


def counts(redis_url: str, prefix: str, role: str) -> dict[str, Any]:
    """Counters of one topic from the stored state of all shards."""
    total: dict[str, Any] = {"dead": Counter(), "dropped": Counter()}
    with Redis.from_url(redis_url) as redis:
        for shard in range(PARTITIONS):
            fields = redis.hgetall(ShardName(prefix, "profiler", shard).fields)
            of_shard = msgspec.structs.asdict(getattr(decode_meta(fields), role))
            for name, value in of_shard.items():
                counter = isinstance(value, dict)
                total[name] = total.get(name, Counter() if counter else 0) + (Counter(value) if counter else value)
    return total


def test_matured_harm_asks_for_a_new_model_once(world: World, expected_alerts: list[Transition]) -> None:
    harmed = [t for t in expected_alerts if (t.kind, t.severity, t.status) == ("performance", "error", "firing")]
    asked = {request.request_id: request for request in world.outputs["two"].retraining}
    first = {(t.segment, t.started_ms): t for t in reversed(harmed)}.values()
    assert first
    assert sorted((r.segment, r.decided_at_ms, r.severity) for r in asked.values()) == sorted(
        (t.segment, t.decided_ms, t.severity) for t in first
    )
    for request in asked.values():
        assert request.alert_id in {alert_id for alert_id, _ in world.outputs["two"].transitions()}
        assert "age" in request.subjects


def test_the_killed_worker_had_work_and_the_other_took_it_over(world: World) -> None:
    killed, other = (world.two.log(f"worker-{number}.log") for number in (1, 2))
    assert "is owned from" in killed
    taken = {line.split("partition ")[1].split()[0] for line in other.splitlines() if "is owned from" in line}
    assert taken == {"0", "1"}
