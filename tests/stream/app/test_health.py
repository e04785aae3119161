import dataclasses

from stream.app.health import Signs, problems
from stream.profiler.progress import Progress
from stream.profiler.status import ProfilerStatus

WELL = Signs(alive=True, silent_seconds=0.1, profiler=ProfilerStatus(), behind_seconds=0.0, unowned_seconds=0.0)


def signs(**changes: object) -> Signs:
    return dataclasses.replace(WELL, **changes)  # type: ignore[arg-type]


def test_a_worker_that_gets_on_has_no_problem() -> None:
    assert problems(WELL) == []
    passing = ProfilerStatus(held="store", held_seconds=9.0)
    assert problems(signs(profiler=passing, silent_seconds=4.0, unowned_seconds=5.0)) == []


def test_each_standstill_is_named_with_its_length() -> None:
    held = ProfilerStatus(held="store", held_seconds=12.0, waiting_seconds=12.0)
    assert problems(signs(profiler=held)) == ["nothing is read: Redis takes no checkpoint for 12 s"]
    waiting = ProfilerStatus(waiting_seconds=20.0)
    assert problems(signs(profiler=waiting)) == ["messages wait and none is read for 20 s"]
    assert problems(signs(silent_seconds=11.0)) == ["the profiler's thread has made no turn for 11 s"]
    assert problems(signs(behind_seconds=30.0)) == ["Redis takes no checkpoint of the monitor for 30 s"]
    assert len(problems(signs(unowned_seconds=30.0, behind_seconds=30.0))) == 2
    assert problems(signs(alive=False, behind_seconds=30.0)) == ["the profiler has ended"]


def test_messages_wait_from_the_first_look_at_which_none_was_read() -> None:
    progress = Progress()
    progress.note(0.0, messages=10, unread=True, held=False)
    progress.note(1.0, messages=10, unread=True, held=False)
    progress.note(5.0, messages=10, unread=True, held=True)
    assert (progress.waiting_seconds(6.0), progress.held_seconds(6.0)) == (5.0, 1.0)
    progress.note(7.0, messages=11, unread=True, held=False)
    assert (progress.waiting_seconds(8.0), progress.held_seconds(8.0)) == (0.0, 0.0)
    progress.note(9.0, messages=11, unread=False, held=False)
    assert progress.waiting_seconds(99.0) == 0.0
