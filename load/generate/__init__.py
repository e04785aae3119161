"""Seeded, realistic predictions and labels: as fast as the broker takes them, or paced by a schedule that never slips.

Data flows through the files in this order: `spec` (what to make), `draw` (columns of random values), `events` (the
dictionaries a service would log), `encode` (bytes, with the labels merged in where they fall due), then `blast`
(encoded beforehand, as fast as possible), `pace` (each at its instant) or `record` (through the Recorder).
"""

from load.generate.encode import PREDICTION, Encoded, Source
from load.generate.spec import Drift, LoadSpec

__all__ = ["PREDICTION", "Drift", "Encoded", "LoadSpec", "Source"]
