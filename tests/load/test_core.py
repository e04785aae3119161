"""What `load.core` measures is real: every event is counted, every label joined, whatever the batches."""

import pytest

from load.core.models import catalog_of
from load.core.trial import draw_turns, run
from load.generate import LoadSpec


@pytest.mark.parametrize("models", [1, 7])
def test_a_trial_counts_every_event_and_joins_every_label(models: int) -> None:
    spec = LoadSpec(models=models, per_second=200.0, label_spread=0.2)
    decoding, core = run(spec, catalog_of(spec), 900, 128)
    assert core.events == decoding.events == 1_800
    assert core.joined == 900
    assert core.parts > 10 * models
    assert max(len(turn.batch.values) for turn in draw_turns(spec, 900, 128)) <= 128
