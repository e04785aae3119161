"""The socket of a worker's pages: whose it is, and that they are served on it."""

import asyncio
import socket
import urllib.request

import pytest

from stream.app.app import AppOptions, add_page, make_app
from stream.app.monitors import Monitors
from stream.app.startup import PORTS_TRIED, listen
from stream.config import WebSettings
from stream.errors import ConfigurationError
from stream.kafka.settings import monitor_client


def port_of(listening: socket.socket | None) -> int:
    assert listening is not None
    return int(listening.getsockname()[1])


def test_workers_that_start_at_once_have_ports_of_their_own() -> None:
    sockets = [listen(WebSettings()) for _ in range(3)]
    assert len({port_of(listening) for listening in sockets}) == 3
    for listening in sockets:
        assert listening is not None
        listening.close()


def test_no_port_is_no_server() -> None:
    assert listen(WebSettings(port=0)) is None


def test_a_port_that_was_set_is_that_port_or_an_error() -> None:
    refused = pytest.raises(ConfigurationError, match=r"web\.port: cannot listen .*in use.*--web-port")
    with socket.create_server(("127.0.0.1", 0)) as taken, refused:
        listen(WebSettings(port=taken.getsockname()[1]))


def test_a_host_that_has_no_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"web\.host: 'no such host' is no address"):
        listen(WebSettings(host="no such host"))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 on this machine")
def test_a_host_may_be_an_address_of_ipv6() -> None:
    listening = listen(WebSettings(host="::1"))
    assert listening is not None
    with listening:
        assert listening.getsockname()[0] == "::1"
        assert 0 <= port_of(listening) - WebSettings().port < PORTS_TRIED


def test_pages_are_served_on_the_socket() -> None:
    async def answer() -> tuple[int, bytes, str]:
        return 200, b"well", "text/plain; charset=utf-8"

    async def story() -> bytes:
        listening = listen(WebSettings())
        options = AppOptions("g", "profiles", monitor_client({"bootstrap.servers": "127.0.0.1:1"}), web=listening)
        app = make_app(options, Monitors(lambda _: pytest.fail("nothing is assigned"), pytest.fail))
        add_page(app, "/healthz", answer)
        app.web.init_server()
        await app.web.start_server()
        try:
            return await asyncio.to_thread(read, f"http://127.0.0.1:{port_of(listening)}/healthz")
        finally:
            await app.web.stop_server()

    assert asyncio.run(story()) == b"well"


def read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=5) as reply:
        return bytes(reply.read())
