"""What `load.monitor` measures is real: every model's windows are reported."""

from load.generate import LoadSpec
from load.monitor import watch


def test_every_window_of_every_model_is_reported() -> None:
    found = watch(LoadSpec(models=3, per_second=60.0, segments=0), minutes=2)
    # Windows of a minute close every ten seconds, but for the lateness; each is told of inputs and of service.
    assert found.reports >= 3 * 2 * 10
    assert found.messages >= 3 * 2 * 10
    assert len(found.seconds) == 2
