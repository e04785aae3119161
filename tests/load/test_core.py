"""What `load.core` measures is real: every event is counted, every label joined, whatever the batches."""

import pytest

from load.core.models import catalog_of
from load.core.trial import make_turns, run_core, run_decode
from load.generate import LoadSpec


@pytest.mark.parametrize("models", [1, 7])
def test_a_trial_counts_every_event_and_joins_every_label(models: int) -> None:
    spec = LoadSpec(models=models, per_second=200.0, label_spread=0.2)
    turns = make_turns(spec, 900, 128)
    cost = run_core(turns, catalog_of(spec))
    assert cost.events == run_decode(turns).events == 1_800
    assert cost.joined == 900
    assert cost.parts > 10 * models
    assert max(len(turn.batch.values) for turn in turns) <= 128
