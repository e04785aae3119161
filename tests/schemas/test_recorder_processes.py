"""Exit, fork and multiprocessing, each in an interpreter of its own."""

import subprocess
import sys
import textwrap

import pytest

from tests.schemas.conftest import Reader

pytestmark = pytest.mark.embedded


def run(code: str, servers: str, prefix: str) -> str:
    head = f"from tidegauge import Recorder\nmade = dict(servers={servers!r}, model='m', prefix={prefix!r})\n"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def keys(messages: list[object]) -> list[str]:
    return sorted(message.key().decode() for message in messages)  # type: ignore[attr-defined]


def test_exit_flushes(mock_cluster: str, prefix: str, read: Reader) -> None:
    run("Recorder(**made).log(prediction_id='a', prediction=1)", mock_cluster, prefix)
    assert keys(read(f"{prefix}predictions", 1)) == ["a"]


def test_an_exception_at_the_end_flushes_too(mock_cluster: str, prefix: str, read: Reader) -> None:
    code = """
        import sys
        recorder = Recorder(**made)
        recorder.log(prediction_id="a", prediction=1)
        sys.exit(0)
    """
    run(code, mock_cluster, prefix)
    assert keys(read(f"{prefix}predictions", 1)) == ["a"]


def test_forked_children_publish_for_themselves(mock_cluster: str, prefix: str, read: Reader) -> None:
    code = """
        import os, sys
        recorder = Recorder(**made)
        recorder.log(prediction_id="before", prediction=1)
        recorder.flush()  # connected: no thread resolves a name now, which would take glibc's lock into the children
        children = []
        for child in range(3):
            pid = os.fork()
            if pid == 0:
                assert recorder.stats.recorded == 0, "counts are the parent's"
                recorder.log(prediction_id=f"child-{child}", prediction=1)
                sys.exit(0)
            children.append(pid)
        recorder.log(prediction_id="after", prediction=1)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        assert recorder.flush()
        assert recorder.stats.delivered == 2
    """
    run(code, mock_cluster, prefix)
    found = keys(read(f"{prefix}predictions", 5))
    assert found == ["after", "before", "child-0", "child-1", "child-2"], "each once: a child resends nothing"


def test_nothing_runs_before_the_first_event(mock_cluster: str, prefix: str) -> None:
    code = """
        import os, threading
        recorder = Recorder(**made)
        assert threading.active_count() == 1
        assert len(os.listdir("/proc/self/task")) == 1, "a server may load this and fork its workers"
        recorder.log(prediction=1)
        assert threading.active_count() == 2
    """
    run(code, mock_cluster, prefix)


def test_workers_of_a_server_that_loaded_it_publish(mock_cluster: str, prefix: str, read: Reader) -> None:
    code = """
        import os, sys
        recorder = Recorder(**made)
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                recorder.log(prediction_id=f"worker-{child}", prediction=1)
                sys.exit(0)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
    """
    run(code, mock_cluster, prefix)
    assert keys(read(f"{prefix}predictions", 4)) == [f"worker-{child}" for child in range(4)]


def test_children_that_never_record_end_at_once(mock_cluster: str, prefix: str) -> None:
    code = """
        import os, sys
        recorder = Recorder(**made)
        recorder.log(prediction_id="a", prediction=1)
        pid = os.fork()
        if pid == 0:
            assert recorder.close() and recorder.flush()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    """
    run(code, mock_cluster, prefix)


def test_children_of_a_closed_recorder_do_not_wait_for_threads_that_are_not_there(
    mock_cluster: str, prefix: str
) -> None:
    code = """
        import os, sys, time
        recorder = Recorder(**made)
        recorder.log(prediction_id="a", prediction=1)
        recorder.close()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os._exit(time.monotonic() - started > 0.5)
        assert os.waitpid(pid, 0)[1] == 0
    """
    run(code, mock_cluster, prefix)


def test_multiprocessing_children_flush_without_atexit(mock_cluster: str, prefix: str, read: Reader) -> None:
    code = """
        import multiprocessing
        recorder = Recorder(**made)
        def work(at):
            recorder.log(prediction_id=f"child-{at}", prediction=1)
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=work, args=(at,)) for at in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
    """
    run(code, mock_cluster, prefix)
    assert keys(read(f"{prefix}predictions", 2)) == ["child-0", "child-1"]


def test_a_kafka_that_is_away_delays_exit_no_longer_than_asked(prefix: str) -> None:
    code = """
        import time, atexit
        recorder = Recorder(**{**made, "servers": {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}},
                            exit_timeout_seconds=0.2)
        recorder.log(prediction=1)
        started = time.monotonic()
        recorder.close()
        print(time.monotonic() - started)
    """
    assert float(run(code, "unused", prefix)) < 3


def test_recorders_that_were_closed_leave_no_thread_behind(mock_cluster: str, prefix: str) -> None:
    code = """
        import gc, multiprocessing.util, os
        def open_and_close(times):
            for _ in range(times):
                with Recorder(**made) as recorder:
                    recorder.log(prediction=0.5)
            del recorder
            gc.collect()
            return len(os.listdir("/proc/self/task"))
        before = open_and_close(1)
        print(open_and_close(4) - before)
    """
    assert int(run(code, mock_cluster, prefix)) == 0
