"""One run of everything: the log that was written, and what each installation made of it."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from integration.end_to_end import plain, scenario
from integration.end_to_end.cluster import PROFILE_PARTITIONS, Cluster, kill, wait_for
from integration.end_to_end.topics import PARTITIONS, Record, copy, ends, read
from integration.end_to_end.truth_cells import grids
from integration.end_to_end.truth_rows import Log, judge, outcomes, predictions_frame, with_days
from integration.end_to_end.truth_windows import reference_rows

from tidegauge import Alert, Report, RetrainingRequest, decode_alert, decode_report, decode_retraining_request

LAST_REPORTS = {(segment, age) for segment in ("", "region=north", "region=south") for age in scenario.RUNGS_MS}
PACE_SECONDS = 6.0
ReportKey = tuple[str, str, str, str, int, int]


@dataclass
class Outputs:
    """What one installation published."""

    reports: list[Report]
    alerts: list[Alert]
    dead: list[Record]
    retraining: list[RetrainingRequest]

    def final(self) -> dict[ReportKey, Report]:
        """Return the last revision of each report."""
        return {key_of(r): r for r in sorted(self.reports, key=lambda r: r.revision)}

    def decided(self) -> dict[ReportKey, Report]:
        """Return each report as it was decided, before any revision."""
        return {key_of(r): r for r in self.reports if r.revision == 0}

    def transitions(self) -> dict[tuple[str, int], Alert]:
        """Return each transition once."""
        return {(alert.alert_id, alert.seq): alert for alert in self.alerts}


@dataclass
class World:
    """Everything the tests look at."""

    bootstrap: str
    two: Cluster
    one: Cluster
    outputs: dict[str, Outputs]
    predictions: Log
    labels: Log
    rows: pd.DataFrame
    reference: pd.DataFrame
    grids: dict[str, dict[str, object]]
    ends: dict[tuple[str, int], int]


def key_of(report: Report) -> ReportKey:
    """Return what a report is of; its revisions share it."""
    return (report.model, report.version, report.segment, report.part, report.window.end_ms, report.age_ms)


def make(bootstrap: str, redis_url: str, folder: Path, prefix: str) -> World:
    """Run a service, two workers of which one is killed, a subscriber; then one worker on the same log."""
    two, one = (Cluster(bootstrap, redis_url, folder / name, f"{prefix}{name}.") for name in ("two", "one"))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(_declare, (two, one)))
        two.script("subscriber")
        workers = [two.worker(), two.worker()]
        for number in (1, 2):
            started = lambda log=f"worker-{number}.log": "is owned from" in two.log(log)  # noqa: E731
            wait_for(f"worker {number}'s start", started, 30, two)
        plain.send(bootstrap, two.prefix)
        _play(two)
        wait_for("half of the service's work", lambda: "half" in two.log("service.log"), 30, two)
        kill(workers[0])
        wait_for("the service's end", lambda: "done" in two.log("service.log"), 30, two)
        for role in ("predictions", "labels"):
            copy(bootstrap, f"{two.prefix}{role}", f"{one.prefix}{role}")
        one.worker()
        for cluster in (two, one):
            wait_for(f"the end of {cluster.prefix}", _ended(cluster), 60, cluster)
        outputs = {cluster.folder.name: _settled(cluster) for cluster in (two, one)}
        return _world(two, one, outputs)
    finally:
        for cluster in (two, one):
            cluster.stop()


def _declare(cluster: Cluster) -> None:
    cluster.folder.mkdir(parents=True)
    for name, text in (("lender", scenario.DEFINITION), ("plain", plain.DEFINITION)):
        (cluster.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    scenario.reference_frame().to_parquet(cluster.folder / "healthy.parquet")
    plain.reference_frame().to_csv(cluster.folder / "plain.csv", index=False)
    cluster.create("lender.yaml", "plain.yaml")


def _play(cluster: Cluster) -> None:
    file = cluster.folder / "steps.jsonl"
    file.write_text("\n".join(step.line() for step in scenario.steps()), encoding="utf-8")
    watermark_ms = scenario.end_ms() + scenario.HORIZON_MS + 2 * scenario.HOUR
    cluster.script("service", str(file), str(watermark_ms), str(PACE_SECONDS))


def outputs_of(cluster: Cluster) -> Outputs:
    """Return what an installation has published so far."""
    where = (cluster.bootstrap, cluster.prefix)
    reports, alerts = (read(where[0], f"{where[1]}{role}", PROFILE_PARTITIONS) for role in ("reports", "alerts"))
    return Outputs(
        [decode_report(record.value) for record in reports],
        [decode_alert(record.value) for record in alerts],
        read(where[0], f"{where[1]}dead-letters"),
        [decode_retraining_request(record.value) for record in read(where[0], f"{where[1]}retraining", 1)],
    )


def _ended(cluster: Cluster) -> Callable[[], bool]:
    """Whether the last outcomes of the last day were reported on."""

    def look() -> bool:
        reports = outputs_of(cluster).reports
        last = {(r.segment, r.age_ms) for r in reports if r.part == "outcome" and r.window.end_ms == scenario.end_ms()}
        return last >= LAST_REPORTS

    return look


def _settled(cluster: Cluster) -> Outputs:
    """Return the outputs when nothing more has come for three seconds: revisions may follow the last decision."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 3:
        outputs = outputs_of(cluster)
        now = len(outputs.reports) + len(outputs.alerts)
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.3)
    return outputs


def _world(two: Cluster, one: Cluster, outputs: dict[str, Outputs]) -> World:
    logs = {role: read(two.bootstrap, f"{two.prefix}{role}") for role in ("predictions", "labels")}
    predictions = judge(logs["predictions"], scenario.BAD_PREDICTIONS)
    labels = judge(logs["labels"], scenario.BAD_LABELS)
    rows = with_days(predictions_frame(predictions))
    for name, on_time in (("label", True), ("revised", False)):
        columns = outcomes(rows, labels, on_time=on_time)
        rows = rows.assign(**{f"{name}_{rung}": column for rung, column in columns.items()})
    models = read(two.bootstrap, f"{two.prefix}models", 1)
    where = [f"{c.prefix}{role}" for c in (two, one) for role in ("predictions", "labels")]
    return World(
        bootstrap=two.bootstrap,
        two=two,
        one=one,
        outputs=outputs,
        predictions=predictions,
        labels=labels,
        rows=rows,
        reference=reference_rows(scenario.reference_frame()),
        grids=grids(models, scenario.MODEL),
        ends=ends(two.bootstrap, where),
    )


def lender(reports: Iterable[Report]) -> list[Report]:
    """Return the reports of the lender's model."""
    return [report for report in reports if report.model == scenario.MODEL]


__all__ = ["PARTITIONS", "Outputs", "World", "lender", "make", "outputs_of"]
