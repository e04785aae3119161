"""The Faust app: one agent on `profiles`, a web server, nothing stored by Faust."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import faust
from aiohttp.web import BaseSite, SockSite
from faust.web import View
from faust.web.drivers.aiohttp import Web
from yarl import URL

from stream.app.monitors import Monitors
from stream.app.transport import OwnedConsumer, OwnedTransport
from stream.kafka.settings import MonitorClient

FETCH_BYTES: Final = 1_048_576
BUFFERED_MESSAGES: Final = 64
"""Messages are up to 900 kB: Faust's default of 4 096 would hold gigabytes while the store is away."""


@dataclass(frozen=True)
class AppOptions:
    """What the app is told; the timings are seconds.

    `session_seconds` is the take-over time after a kill. `web` is the socket that the web server listens on; None means
    no web server.
    """

    group: str
    topic: str
    client: MonitorClient
    session_seconds: float = 6.0
    heartbeat_seconds: float = 1.0
    commit_seconds: float = 1.0
    web: socket.socket | None = None


class SocketWeb(Web):
    """Faust's web server, on a socket that listens already."""

    def __init__(self, app: faust.App, listening: socket.socket) -> None:
        super().__init__(app)
        self._listening = listening

    def _create_site(self) -> BaseSite:
        return SockSite(self._runner, self._listening)


class MonitorApp(faust.App):
    """Faust's app, leaving no folder behind and asking nothing of Kafka but READ."""

    listening: socket.socket | None = None

    def _new_web(self) -> Any:
        return super()._new_web() if self.listening is None else SocketWeb(self, self.listening)

    def _create_directories(self) -> None:
        """Make none: there are no tables."""


def make_app(options: AppOptions, monitors: Monitors) -> MonitorApp:
    """Build the app; start it with `await app.start()`.

    READ on the topic and on the group is all it needs of Kafka.
    """
    urls = [URL(url) for url in options.client.url.split(";")]
    app = MonitorApp(
        options.group,
        broker=urls,
        broker_credentials=options.client.credentials,
        broker_session_timeout=options.session_seconds,
        broker_heartbeat_interval=options.heartbeat_seconds,
        broker_commit_interval=options.commit_seconds,
        broker_max_poll_records=BUFFERED_MESSAGES,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        stream_buffer_maxsize=BUFFERED_MESSAGES,
        stream_wait_empty=False,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=options.web is not None,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_graph_enabled=False,
        web_stats_enabled=False,
        web_metrics_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.listening = options.web
    app.transport = OwnedTransport(urls, app, topic=options.topic, offsets=monitors)
    _add_agent(app, options.topic, monitors)
    return app


def connect_monitors(app: MonitorApp, monitors: Monitors) -> None:
    """Give the monitors the consumer to seek and rejoin with; in the running loop, before the app starts."""
    monitors.log = cast("OwnedConsumer", app.consumer)


def add_page(app: MonitorApp, path: str, answer: Callable[[], Awaitable[tuple[int, bytes, str]]]) -> None:
    """Serve GET `path`: `answer` returns status, body and content type."""

    class Page(View):
        """One page."""

        async def get(self, _: Any) -> Any:
            status, body, content_type = await answer()
            # As a header: aiohttp takes no charset in its own argument.
            return self.bytes(body, status=status, headers={"Content-Type": content_type})

    app.page(path, name=path.strip("/"))(Page)


def _add_agent(app: MonitorApp, topic: str, monitors: Monitors) -> None:
    async def watch(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            await monitors.handle(message.partition, message.offset, message.value)

    channel = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    app.agent(channel, name="monitor")(watch)
