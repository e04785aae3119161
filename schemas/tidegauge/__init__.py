"""Tidegauge for services: record what a model predicts, subscribe to what changes.

from tidegauge import Recorder

recorder = Recorder("localhost:9092", model="planner", version="2013.1")
recorder.log(prediction_id="UA-17", features={"temp": 3.5}, prediction=0.2)
recorder.label("UA-17", "late")
"""

from importlib.metadata import PackageNotFoundError, version

from tidegauge.alerts import Alert, Finding, Window
from tidegauge.codec import (
    decode,
    decode_alert,
    decode_definition,
    decode_label_message,
    decode_prediction_message,
    decode_profiles,
    decode_report,
    decode_retraining_request,
    encode,
    encode_profiles,
)
from tidegauge.definition import Definition
from tidegauge.errors import AlertStreamError, DecodeError, EventError, SettingsError, TidegaugeError
from tidegauge.events import Feedback, Label, Prediction, PredictionBatch, Watermark
from tidegauge.partitioner import murmur2, partition_for
from tidegauge.recorder import Call, Drop, Recorder, RecorderStats
from tidegauge.reports import DriftResult, MetricResult, Report
from tidegauge.retraining import RetrainingRequest
from tidegauge.schema import asyncapi, json_schema
from tidegauge.subscribe import AlertStream

try:
    __version__ = version("tidegauge")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "Alert",
    "AlertStream",
    "AlertStreamError",
    "Call",
    "DecodeError",
    "Definition",
    "DriftResult",
    "Drop",
    "EventError",
    "Feedback",
    "Finding",
    "Label",
    "MetricResult",
    "Prediction",
    "PredictionBatch",
    "Recorder",
    "RecorderStats",
    "Report",
    "RetrainingRequest",
    "SettingsError",
    "TidegaugeError",
    "Watermark",
    "Window",
    "asyncapi",
    "decode",
    "decode_alert",
    "decode_definition",
    "decode_label_message",
    "decode_prediction_message",
    "decode_profiles",
    "decode_report",
    "decode_retraining_request",
    "encode",
    "encode_profiles",
    "json_schema",
    "murmur2",
    "partition_for",
]
