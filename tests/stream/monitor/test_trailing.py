"""A trailing reference: what it leaves out, when it stays, and what goes on when the next one follows."""

import msgspec
import pytest

from detectors.exact_sum import ExactSum
from stream.model.compiled import CompiledModel
from stream.monitor.alert_book import AlertKey
from stream.monitor.config import MonitorConfig
from stream.monitor.enough import enough_left
from stream.monitor.evaluate_inputs import decide_inputs
from stream.monitor.fields import Fields
from stream.monitor.judges import ModelJudges
from stream.monitor.memory import Firing, ScopeMemory
from stream.monitor.outcome_judge import Moment
from stream.monitor.outputs import LearnedReference
from stream.monitor.reference_index import ReferenceIndex
from stream.monitor.schedule import Due, Family
from stream.monitor.scopes import inputs_scope
from stream.monitor.state import MonitorState
from stream.monitor.streams import ALL_ROWS, Stream
from stream.monitor.stretches import HarmLog, Stretch, extended
from stream.monitor.windows import InputsWindow, OutcomeWindow, empty_outcomes
from stream.parts.keys import PartKey
from stream.timeline.durations import DAY_MS
from stream.timeline.windows import WindowScheme
from tests.stream.monitor import world
from tests.stream.monitor.test_learning import replay, told
from tests.stream.monitor.world import DAY_0, Day, alerts, changed
from tidegauge.alerts import Finding, Window
from tidegauge.definition import DriftMonitor, PerformanceMonitor, ReferenceSpec

ALL = Stream("m", "v1", "")


@pytest.fixture(scope="module")
def trailing() -> CompiledModel:
    monitors = [DriftMonitor(features=["a"], for_windows=2), PerformanceMonitor(metric="log_loss")]
    spec = ReferenceSpec(trailing="14d")
    return world.compiled_model(
        msgspec.structs.replace(world.DEFINITION, reference=spec, windows=["1d"], monitors=monitors, segments=[])
    )


def test_what_alerts_is_never_taken_for_healthy(trailing: CompiledModel) -> None:
    """Three days of harm, then drift for good that takes two days to confirm; references end on days 15, 22 and 29."""
    days = changed(changed([Day(rows=400)] * 33, range(15, 18), flip=0.5), range(21, 33), shift_a=3.0)
    messages = world.play(days, trailing, after=0)
    slow, fast = (replay(trailing, messages, at_once=at_once) for at_once in (False, True))
    assert alerts(slow, "performance")
    assert [alert.status for alert in alerts(slow, "features")] == ["firing"], "no reference ends it"
    _, second = (o.reference for o in slow if isinstance(o, LearnedReference))
    for part in ("inputs", "outcome"):
        left = {
            (p.pane_start_ms - DAY_0) // DAY_MS
            for p in second.profiles
            if p.part == part and not p.segment and p.on_time
        }
        assert left == {*range(8, 15), 20}, "harm ends after three quiet days"
    assert told(fast) == told(slow)


def test_a_reference_from_a_file_is_followed_too(trailing: CompiledModel) -> None:
    messages = world.play([Day(rows=400)] * 26, trailing, after=0)
    outputs = replay(trailing, messages, at_once=False, known=world.reference(trailing, days=10))
    learned = [output for output in outputs if isinstance(output, LearnedReference)]
    assert [(one.reference.end_ms - DAY_0) // DAY_MS for one in learned] == [15, 22]


def test_a_category_that_the_next_reference_does_not_know_is_forgotten(trailing: CompiledModel) -> None:
    definition = msgspec.structs.replace(trailing.definition, monitors=[DriftMonitor(features=["colour"])])
    compiled = world.compiled_model(definition)
    reference, scheme = world.reference(compiled, days=10), WindowScheme("1d")
    judge = ModelJudges(compiled, reference, MonitorConfig()).drift(ALL_ROWS, scheme)
    cells, _ = ReferenceIndex(reference, compiled).inputs(ALL_ROWS, [scheme.window(DAY_0)])
    memory = ScopeMemory()
    for day in range(9):
        memory.subject("colour").step("violet", 3.0, day, 5.0)
    assert judge is not None
    judge.judge(memory, InputsWindow(1200, cells[0], ExactSum()), scheme.window(DAY_0), block=True, whole=True)
    assert set(memory.subject("colour").cusums) == set(world.COLOURS)


def test_what_no_reference_knows_is_forgotten(trailing: CompiledModel) -> None:
    """A segment that the next reference does not know, and the one after it does, is not found firing."""
    state, scheme = MonitorState(), WindowScheme("1d")
    stream = Stream("m", "v1", "origin=EWR")
    judges, window = ModelJudges(trailing, None, MonitorConfig()), scheme.window(DAY_0 + DAY_MS)
    state.scope(stream, "inputs", "1d").subject("a").latched = True
    state.keep_scope(stream, "inputs", "1d")
    state.alerts.hold(AlertKey(*stream, "features"), inputs_scope("1d"), [firing(window)])
    due = Due(window.end_ms, Family.INPUTS, trailing, scheme, window)
    decide_inputs(state, judges, stream, due, whole=True, config=MonitorConfig())
    assert not state.scope(stream, "inputs", "1d").subjects
    assert not state.alerts.holding(stream, ["features"])


def test_a_metric_that_no_reference_knows_is_forgotten(trailing: CompiledModel) -> None:
    judge = ModelJudges(trailing, None, MonitorConfig()).outcome(ALL_ROWS, WindowScheme("1d"))
    memory, window = ScopeMemory(), WindowScheme("1d").window(DAY_0)
    memory.subject("log_loss").latched = True
    outcomes = OutcomeWindow(0, empty_outcomes(trailing))
    judge.judge(memory, outcomes, Moment(window, trailing.label_horizon_ms, horizon=True, block=True, whole=True))
    assert not memory.subject("log_loss").firing


def firing(window: Window) -> Firing:
    return Firing(finding=Finding(subject="a", detector="cusum"), severity="info", window=window, n=400)


def left(compiled: CompiledModel, days: range, span: int = 14) -> bool:
    window = Window(length="reference", start_ms=DAY_0, end_ms=DAY_0 + span * DAY_MS)
    starts = [DAY_0 + day * DAY_MS for day in days]
    keys = [PartKey("m", "", ALL_ROWS, "inputs", start, start + DAY_MS, True, 0, "x") for start in starts]
    return enough_left(compiled, window, [key.profile(b"") for key in keys])


def test_eight_blocks_must_be_left_of_the_windows_that_were_judged(trailing: CompiledModel) -> None:
    assert [left(trailing, range(blocks)) for blocks in (0, 7, 8, 14)] == [False, False, True, True]
    assert left(trailing, range(3), span=7), "a week would not do in any case"


def test_of_each_phase_blocks_must_be_left(trailing: CompiledModel) -> None:
    spec = ReferenceSpec(trailing="21d", season="1w")
    seasonal = world.compiled_model(msgspec.structs.replace(trailing.definition, reference=spec))
    assert not left(seasonal, range(13), span=21)
    assert left(seasonal, range(14), span=21)


def test_an_onset_counts_from_when_it_was_known() -> None:
    def found(since_ms: int) -> list[Finding]:
        return [Finding(subject="a", detector="cusum", since_ms=since_ms)]

    stretches = extended([], Stretch(50, 60), 60, found(40))
    stretches = extended(stretches, Stretch(60, 70), 70, found(20))
    stretches = extended(stretches, Stretch(70, 80), 80, found(30))
    [stretch] = stretches
    assert stretch.covers(50, 80, known_ms=0)
    assert [stretch.covers(40, 50, known) for known in (59, 60)] == [False, True]
    assert [stretch.covers(20, 30, known) for known in (69, 70)] == [False, True]
    assert not stretch.covers(10, 20, known_ms=80)


def test_harm_is_known_as_long_as_its_panes_are_kept_and_comes_back() -> None:
    log = HarmLog(fields := Fields())
    for start_ms in (0, 10, 40):
        log.add(ALL, Stretch(start_ms, start_ms + 10), 100, [Finding(subject="log_loss", detector="window")])
    again = HarmLog(Fields())
    [(_, _, value)] = log.of_models(["m"])
    assert list(fields.take().values()) == [value]
    again.load(list(ALL), value)
    assert [again.fired(ALL, start_ms, start_ms + 10, 100) for start_ms in (0, 10, 20, 40)] == [True, True, False, True]
    again.drop_before("m", 20)
    assert [again.fired(ALL, start_ms, start_ms + 10, 100) for start_ms in (0, 40)] == [False, True]
    log.drop_before("m", 50)
    assert list(fields.take().values()) == [None]
