"""The mathematics of Tidegauge: sketches, distances, sequential detectors, performance and significance.

NumPy in, numbers out: no input or output, no clock, no randomness, no logging, and nothing of Kafka, Redis or
the wire format. One statistic to a module; import it from there (``from detectors.adwin import WeightedAdwin``).
Nothing is imported here, so that a worker pays only for what it uses.

Whatever keeps state has the same verbs (:class:`detectors.sketch.Sketch`): ``update`` takes rows, ``merge`` takes
another of the same parameters, ``snapshot`` and ``from_snapshot`` go to versioned bytes and back, and ``result`` or
a named property gives the statistic. One law suite, ``tests/detectors/test_laws.py``, runs over all of them.
"""
