"""Publishing predictions, labels and feedback from a service."""

from tidegauge.recorder.calls import Call
from tidegauge.recorder.client import Recorder
from tidegauge.recorder.stats import Drop, RecorderStats

__all__ = ["Call", "Drop", "Recorder", "RecorderStats"]
