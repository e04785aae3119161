"""What was taken as missing is counted, by reason."""

import json

from profiler_logs import CONFIG, START, catalog

from stream.profiler.messages import RawBatch
from stream.profiler.shard import ShardCore


def test_the_vector_of_a_binary_model_is_no_score() -> None:
    core = ShardCore(0, catalog(), CONFIG)
    rows = [
        {
            "prediction_id": f"id{number}", "model": "planner", "timestamp_ms": START, "prediction": given,
            "features": {"temp": 1.0, "carrier": "UA"},
        }
        for number, given in enumerate([[0.2, 0.8], 0.5, "late", [0.9, 0.1], 7.0])
    ]  # fmt: skip
    core.predictions(RawBatch(0, list(range(5)), [-1] * 5, [json.dumps(row).encode() for row in rows]))
    assert core.counts["predictions"].noted == {"score_vector": 2, "score_range": 1}
    (scored,) = {part.score.sum for key in core.store if (part := core.store[key]) and key.part == "inputs"}
    assert scored == 1.5
