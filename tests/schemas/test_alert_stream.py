import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from tidegauge import Alert, AlertStream, AlertStreamError, SettingsError, encode
from tidegauge.alerts import Severity

pytestmark = pytest.mark.embedded

Publish = Callable[..., None]
IDLE = 3.0  # longer than it takes to join a group


def alert(alert_id: str, seq: int = 1, *, severity: Severity = "error", model: str = "planner") -> Alert:
    return Alert(alert_id=alert_id, seq=seq, status="firing", severity=severity, kind="performance", model=model)


@pytest.fixture
def publish(mock_cluster: str, prefix: str) -> Publish:
    producer = Producer({"bootstrap.servers": mock_cluster})

    def send(*alerts: Alert | bytes) -> None:
        for one in alerts:  # one partition: the order of the test is the order of the stream
            producer.produce(f"{prefix}alerts", one if isinstance(one, bytes) else encode(one), partition=0)
        assert producer.flush(10) == 0

    return send


@pytest.fixture
def subscribe(mock_cluster: str, prefix: str) -> Callable[..., AlertStream]:
    def make(**options: object) -> AlertStream:
        given = {"group": f"{prefix}pager", "start": "earliest", "prefix": prefix, "idle_seconds": IDLE, **options}
        # The mock cluster takes 3 s to form a classic group, and none to form one of the new protocol.
        return AlertStream({"bootstrap.servers": mock_cluster, "group.protocol": "consumer"}, **given)  # type: ignore[arg-type]

    return make


Subscribe = Callable[..., AlertStream]


def take(stream: AlertStream, count: int) -> list[tuple[str, int]]:
    """Handle so many alerts, and no more."""
    found = []
    with stream:
        while len(found) < count:
            one = next(stream)
            found.append((one.alert_id, one.seq))
    return found


def test_each_transition_once_and_in_order(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a", 1), alert("a", 1), alert("b", 1), alert("a", 2), alert("a", 1), alert("b", 1), alert("c", 1))
    assert take(subscribe(), 4) == [("a", 1), ("b", 1), ("a", 2), ("c", 1)]


def test_filters(publish: Publish, subscribe: Subscribe) -> None:
    publish(
        alert("gate", model="gate"),
        alert("quiet", severity="warning"),
        alert("planner", model="planner"),
        alert("plan-b", model="plan-b", severity="critical"),
    )
    assert take(subscribe(model="plan*", min_severity="error"), 2) == [("planner", 1), ("plan-b", 1)]


def test_the_iteration_ends_when_nothing_comes(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"))
    assert [one.alert_id for one in subscribe()] == ["a"]


def test_bytes_that_are_no_alert_are_passed_over(
    publish: Publish, subscribe: Subscribe, caplog: pytest.LogCaptureFixture
) -> None:
    publish(b"surprise", alert("a"))
    assert take(subscribe(), 1) == [("a", 1)]
    assert "is no alert" in caplog.text


def test_a_group_keeps_its_place(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"), alert("b"), alert("c"))
    assert take(subscribe(), 2) == [("a", 1), ("b", 1)]
    assert take(subscribe(), 1) == [("c", 1)]


def test_a_group_that_has_seen_nothing_has_a_place_all_the_same(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("before"))
    assert list(subscribe(start="latest")) == []
    publish(alert("while it is away"))
    assert take(subscribe(start="latest"), 1) == [("while it is away", 1)]


def test_what_failed_comes_again(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"), alert("b"))

    def fail() -> None:
        with subscribe() as stream:
            for one in stream:
                if one.alert_id == "b":
                    raise RuntimeError("the pager is down")

    with pytest.raises(RuntimeError, match="pager"):
        fail()
    assert take(subscribe(), 1) == [("b", 1)]


def test_closing_without_a_word_about_the_last_one_repeats_it(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"), alert("b"))
    stream = subscribe()
    assert next(stream).alert_id == "a"
    assert next(stream).alert_id == "b"
    stream.close()
    stream.close()
    assert take(subscribe(), 1) == [("b", 1)]


def test_offsets_move_past_what_was_filtered(publish: Publish, subscribe: Subscribe) -> None:
    publish(*(alert(f"gate-{at}", model="gate") for at in range(20)))
    assert list(subscribe(model="planner")) == []
    publish(alert("mine"))
    assert take(subscribe(model="planner"), 1) == [("mine", 1)]


def test_a_stream_that_is_forgotten_leaves_its_group(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"), alert("b"))
    stream = subscribe()
    assert next(stream).alert_id == "a"
    assert next(stream).alert_id == "b"
    del stream
    assert take(subscribe(), 1) == [("b", 1)]


def test_a_closed_stream_is_at_its_end(subscribe: Subscribe) -> None:
    stream = subscribe()
    stream.close()
    assert list(stream) == []


def test_who_closes_within_the_loop_ends_it(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"), alert("b"))
    found = []
    stream = subscribe()
    for one in stream:
        found.append(one.alert_id)
        stream.close()
    assert found == ["a"]

    async def handle() -> None:
        stream = subscribe()
        async for one in stream:
            found.append(one.alert_id)
            stream.close()

    asyncio.run(handle())
    assert found == ["a", "a"], "it was not called handled"


def test_latest_skips_the_past(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("old"))
    with subscribe(start="latest", group=None, idle_seconds=None) as stream:
        deadline = time.monotonic() + 20
        found = None
        while found is None and time.monotonic() < deadline:  # until the group has been joined
            publish(alert(f"new-{time.monotonic()}"))
            found = stream._poll()
    assert found is not None
    assert found.alert_id.startswith("new")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"start": "yesterday"}, ValueError),
        ({"min_severity": "loud"}, ValueError),
    ],
)
def test_bad_options_raise_at_once(subscribe: Subscribe, options: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        subscribe(**options)


def test_bad_settings_raise_at_once() -> None:
    with pytest.raises(SettingsError, match=r"bootstrap\.server"):
        AlertStream({"bootstrap.servers": "x:1", "bootstrap.server": "x:1"})


def test_async_iteration(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a", 1), alert("a", 1), alert("a", 2))

    async def collect() -> list[int]:
        async with subscribe() as stream:
            return [one.seq async for one in stream]

    assert asyncio.run(collect()) == [1, 2]
    assert list(subscribe()) == [], "all were handled"


def test_a_cancelled_wait_loses_nothing(publish: Publish, subscribe: Subscribe) -> None:
    async def collect() -> list[str]:
        found: list[str] = []
        publish(*(alert(str(at)) for at in range(30)))
        async with subscribe(idle_seconds=None) as stream:
            while len(found) < 30:
                try:
                    found.append((await asyncio.wait_for(anext(stream), 0.001)).alert_id)
                except TimeoutError:
                    await asyncio.sleep(0.001)
        return found

    assert asyncio.run(asyncio.wait_for(collect(), 30)) == [str(at) for at in range(30)]


def test_what_a_cancelled_wait_finds_is_not_handled(publish: Publish, subscribe: Subscribe) -> None:
    publish(alert("a"))

    async def give_up() -> None:
        async with subscribe(idle_seconds=None) as stream:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.001)
            while stream._current is None:
                await asyncio.sleep(0.01)
                polling = stream._polling
                if polling is not None and polling.done() and polling.result() is None:
                    stream._polling = stream._poller.submit(stream._poll)

    asyncio.run(asyncio.wait_for(give_up(), 30))
    assert take(subscribe(), 1) == [("a", 1)]


def test_the_loop_goes_on_while_it_waits(subscribe: Subscribe) -> None:
    async def count() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with subscribe(idle_seconds=1.0) as stream:
            async for _ in stream:
                pass
        ticking.cancel()
        return ticks

    assert asyncio.run(count()) > 20


class Unforgiving:
    """As much of a broker as it takes to refuse a password."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, struct.error):
            while True:
                (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
                asked, version, correlation = struct.unpack(">hhi", connection.recv(size, socket.MSG_WAITALL)[:8])
                answer = struct.pack(">i", correlation) + self._answer(asked, version)
                connection.sendall(struct.pack(">i", len(answer)) + answer)

    def _answer(self, asked: int, version: int) -> bytes:
        if asked == 17:  # SaslHandshake
            return struct.pack(">hi", 0, 1) + _text(b"PLAIN")
        if asked == 36:  # SaslAuthenticate
            refused = struct.pack(">h", 58) + _text(b"Invalid username or password") + struct.pack(">i", 0)
            return refused + (struct.pack(">q", 0) if version else b"")
        if version > 3:  # ApiVersions: of no newer kind
            return struct.pack(">hi", 35, 1) + struct.pack(">hhh", 18, 0, 3)
        kinds = [struct.pack(">hhh", *kind) for kind in ((18, 0, 3), (17, 0, 1), (36, 0, 1), (3, 0, 4), (1, 0, 11))]
        if version == 3:
            tagged = b"".join(kind + b"\0" for kind in kinds)
            return struct.pack(">hb", 0, len(kinds) + 1) + tagged + struct.pack(">ib", 0, 0)
        return struct.pack(">hi", 0, len(kinds)) + b"".join(kinds) + (struct.pack(">i", 0) if version else b"")


def _text(text: bytes) -> bytes:
    return struct.pack(">h", len(text)) + text


def test_a_refused_password_ends_the_wait() -> None:
    broker, told = Unforgiving(), []
    settings = {
        "bootstrap.servers": broker.address, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": "pager", "sasl.password": "old", "error_cb": told.append,
    }  # fmt: skip
    with AlertStream(settings, group="pager", start="earliest", idle_seconds=20) as stream:
        with pytest.raises(AlertStreamError, match="Invalid username or password"):
            next(stream)
        assert told, "the caller's own callback hears of it, too"
    broker.close()


def test_who_asks_again_after_a_refusal_is_told_anew(subscribe: Subscribe) -> None:
    refused = KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: no")
    with subscribe(idle_seconds=0.1) as stream:
        stream._trouble(refused)
        with pytest.raises(AlertStreamError, match="SASL authentication error: no"):
            next(stream)
        assert list(stream) == []

    async def collect() -> list[Alert]:
        async with subscribe(idle_seconds=0.1) as stream:
            stream._trouble(refused)
            with pytest.raises(AlertStreamError):
                await anext(stream)
            return [one async for one in stream]

    assert asyncio.run(collect()) == []


def test_a_token_that_cannot_be_had_now_is_waited_for() -> None:
    asked: list[str] = []

    def token(config: str) -> tuple[str, float]:
        asked.append(config)
        if len(asked) > 1:
            raise RuntimeError("the identity provider is away")
        return "dG9rZW4", time.time() + 0.5  # asked for again after four fifths of it

    told: list[KafkaError] = []
    settings = {
        "bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": token, "error_cb": told.append, "log_level": 0,
    }  # fmt: skip
    with AlertStream(settings, group="pager", idle_seconds=3) as stream:
        assert list(stream) == []
    assert KafkaError._AUTHENTICATION in {error.code() for error in told}


def test_a_first_token_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def consumer(settings: dict[str, object], **_: object) -> None:
        """As the constructor ends where `oauth_cb` raises, after ten seconds."""
        raise SystemError("returned a result with an exception set") from KafkaException(
            KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED, "OAuth token not set within 10 seconds timeout")
        )

    monkeypatch.setattr("tidegauge.subscribe.stream.Consumer", consumer)
    with pytest.raises(SettingsError, match="OAuth token not set"):
        AlertStream("x:1")
