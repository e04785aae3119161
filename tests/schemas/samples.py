"""One message of each kind with every field set: what the golden files were made from."""

from typing import Final

from tidegauge.alerts import Alert, Finding, Window
from tidegauge.codec import Message, ProfileMessage
from tidegauge.columns import packed
from tidegauge.definition import CalibrationMonitor, Definition, DriftMonitor, PerformanceMonitor, ReferenceSpec
from tidegauge.events import Feedback, Label, Prediction, PredictionBatch, Watermark
from tidegauge.profiles import Profile, ProfileBundle, ShardWatermark, WatermarkReport
from tidegauge.reports import DriftResult, MetricResult, Report
from tidegauge.retraining import RetrainingRequest

DAY = Window(length="1d", start_ms=1_366_603_200_000, end_ms=1_366_689_600_000)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

MESSAGES: Final[dict[str, Message]] = {
    "prediction": Prediction(
        prediction_id="2013-04-22-UA-17",
        model="planner",
        timestamp_ms=1_366_646_400_000,
        version="2013.1",
        features={"temp": 11.5, "carrier": "UA", "holiday": False, "wind_gust": None, "embedding": [0.25, None]},
        prediction=0.125,
        probabilities={"late": 0.125, "on time": 0.875},
        latency_ms=3.25,
        status="error",
        error="TimeoutError: features",
        segments={"origin": "JFK"},
        signals={"fare": 199.0},
    ),
    "prediction_batch": PredictionBatch(
        prediction_ids=["a", "b"],
        model="planner",
        timestamps_ms=[1_366_646_400_000, 1_366_646_400_001],
        version="2013.1",
        features={"temp": [11.5, None], "carrier": ["UA", "DL"]},
        predictions=[0.125, "late"],
        probabilities=[{"late": 0.125}, [0.25, 0.75]],
        latencies_ms=[3.25, None],
        errors=[None, "ValueError"],
        segments={"origin": ["JFK", None]},
        signals={"fare": [199.0, None]},
    ),
    "label": Label(prediction_id="2013-04-22-UA-17", label="late", timestamp_ms=1_366_660_000_000, model="planner"),
    "feedback": Feedback(
        prediction_id="2013-04-22-UA-17", timestamp_ms=1_366_660_000_000, model="planner", signals={"thumbs": -1.0}
    ),
    "watermark": Watermark(timestamp_ms=1_388_534_400_000),
    "alert": Alert(
        alert_id="7f3c000000000000",
        seq=1,
        status="firing",
        severity="error",
        worst="critical",
        kind="performance",
        model="planner",
        version="2013.1",
        segment="origin=JFK",
        reason="labels matured",
        summary="log loss: CUSUM 5.6 > 5.0",
        started_ms=1_366_603_200_000,
        decided_at_ms=1_366_862_400_000,
        window=DAY,
        detector="cusum",
        subject="log_loss",
        value=5.625,
        threshold=5.0,
        n=6300,
        label_coverage=0.9375,
        reference="ref-1",
        findings=[
            Finding(subject="log_loss", detector="cusum", value=5.625, threshold=5.0, since_ms=1_366_603_200_000)
        ],
        evidence=[Finding(subject="temp", effects={"psi": 5.5}, bins=[("[20, 25)", 0.0, 0.25)])],
        quiet=9,
        context=["AUC .60, was .66"],
        sample_prediction_ids=["2013-04-22-UA-17"],
        runbook_url="https://example.org/runbook",
        traceparent=TRACE,
    ),
    "report": Report(
        model="planner",
        version="2013.1",
        segment="origin=JFK",
        part="outcome",
        window=DAY,
        age_ms=172_800_000,
        revision=1,
        complete=False,
        n=900,
        n_late=3,
        reference="ref-1",
        state="firing",
        drift=[
            DriftResult(
                subject="temp",
                state="ok",
                n=900,
                statistic=0.25,
                critical=0.5,
                p_value=0.125,
                z=1.5,
                cusum=0.5,
                cusum_limit=5.0,
                effects={"psi": 0.0625},
                missing_ratio=0.125,
                unseen_ratio=0.25,
            )
        ],
        metrics=[
            MetricResult(
                metric="log_loss",
                state="firing",
                value=0.75,
                lower=0.25,
                upper=0.5,
                z=2.5,
                cusum=5.5,
                cusum_limit=5.0,
                constant=0.5,
            )
        ],
        labelled=850,
        coverage=0.9375,
        latency_ms={"p50": 3.0, "p99": 12.0},
        over_slo_ratio=0.125,
        error_ratio=0.0625,
        n_expected=880.0,
        n_lower=800.0,
        n_upper=960.0,
        notes=["by weekday"],
    ),
    "retraining_request": RetrainingRequest(
        request_id="7f3c000000000000-1",
        model="planner",
        alert_id="7f3c000000000000",
        decided_at_ms=1_366_862_400_000,
        version="2013.1",
        segment="origin=JFK",
        severity="critical",
        reason="log loss",
        window=DAY,
        subjects=["temp"],
        reference="ref-1",
        traceparent=TRACE,
    ),
    "definition": Definition(
        model="planner",
        task="binary",
        positive="late",
        threshold=0.25,
        timezone="America/New_York",
        lateness="30s",
        label_horizon="3d",
        label_ages=["1h"],
        segments=["origin"],
        features={"carrier": "categorical", "temp": "numeric"},
        reference=ReferenceSpec(file="february.parquet", held_out=True),
        windows=["1d"],
        monitors=[
            DriftMonitor(features=["temp"], method="psi", min_effect=0.125, for_windows=2),
            PerformanceMonitor(metric="log_loss", drop=0.0625),
            CalibrationMonitor(),
        ],
        runbook_url="https://example.org/runbook",
    ),
}

ROWS: Final = range(8)
PACKED: Final = packed(
    PredictionBatch(
        prediction_ids=[f"id-{row}" for row in ROWS],
        model="planner",
        timestamps_ms=[1_366_646_400_000 + row for row in ROWS],
        version="2013.1",
        features={
            "temp": [11.5, None] * 4,
            "humidity": [0.1] * 8,
            "carrier": ["UA", "DL", None, "UA"] * 2,
            "holiday": [False] * 8,
        },
        predictions=[0.125] * 8,
        probabilities=[None] * 8,
        latencies_ms=[3.3, None] * 4,
        errors=[None] * 7 + ["ValueError"],
        segments={"origin": ["JFK", None] * 4},
        signals={"fare": [199.0, None] * 4},
    )
)
"""A batch with a column of every form."""

PROFILES: Final[dict[str, ProfileMessage]] = {
    "profile_bundle": ProfileBundle(
        profiles=[
            Profile(
                model="planner",
                version="2013.1",
                segment="origin=JFK",
                part="outcome",
                pane_start_ms=1_366_603_200_000,
                pane_end_ms=1_366_689_600_000,
                on_time=True,
                age_ms=172_800_000,
                layout="0123456789abcdef",
                shard=3,
                epoch=1_366_689_700_000,
                seq=7,
                body=b"\x01\x00",
            )
        ]
    ),
    "watermark_report": WatermarkReport(
        worker="w1",
        partitions=4,
        shards=[
            ShardWatermark(
                shard=3,
                epoch=1_366_689_700_000,
                seq=7,
                predictions_ms=1_366_689_600_000,
                labels_ms=-1,
                newest_ms=1_366_689_610_000,
                idle=True,
                loss="begun anew",
                unlabelled=True,
            )
        ],
    ),
}
