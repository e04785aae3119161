"""A broker's leader that refuses the first Produce request and takes the next: a proxy that answers in its place."""

import socket
import struct
import threading
from typing import Self

PRODUCE, FLEXIBLE = 0, 9
NOT_LEADER_OR_FOLLOWER = 6
PATIENCE_SECONDS = 0.5


class RefusingLeader:
    """Stands before a broker of one address, and names itself wherever the broker names that.

    The first Produce request is kept back until another one comes on the same connection, or half a second; then it is
    refused, and never reaches the broker. All others do.
    """

    def __init__(self, broker: str) -> None:
        host, _, port = broker.rpartition(":")
        self._broker = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.bootstrap = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.holding = threading.Event()
        """Set from when the first request is here."""
        self._first = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            broker = socket.create_connection(self._broker)
            threading.Thread(target=self._requests, args=(client, broker), daemon=True).start()
            threading.Thread(target=self._responses, args=(broker, client), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket) -> None:
        while frame := _frame(client):
            if frame[:2] == struct.pack(">h", PRODUCE) and self._first.acquire(blocking=False):
                self.holding.set()
                client.settimeout(PATIENCE_SECONDS)
                try:
                    following = _frame(client)
                except TimeoutError:
                    following = b""
                client.settimeout(None)
                _send(client, _refusal(frame))
                frame = following or _frame(client)
            if frame:
                _send(broker, frame)
        broker.close()

    def _responses(self, broker: socket.socket, client: socket.socket) -> None:
        theirs, ours = (_address(self._broker[0], port) for port in (self._broker[1], self._server.getsockname()[1]))
        while frame := _frame(broker):
            _send(client, frame.replace(theirs, ours))
        client.close()


def _address(host: str, port: int) -> bytes:
    return host.encode() + struct.pack(">i", port)


def _frame(source: socket.socket) -> bytes:
    """Return one message without its length, empty at the end of the connection."""
    try:
        head = _exactly(source, 4)
        return _exactly(source, *struct.unpack(">i", head)) if head else b""
    except ConnectionError:
        return b""


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = source.recv(size - len(found))
        if not more:
            return b""
        found += more
    return found


def _send(target: socket.socket, frame: bytes) -> None:
    target.sendall(struct.pack(">i", len(frame)) + frame)


def _refusal(request: bytes) -> bytes:
    """Answer a Produce request of one partition with NOT_LEADER_OR_FOLLOWER."""
    _, version, correlation, client = struct.unpack(">hhih", request[:10])
    assert version >= FLEXIBLE, f"Produce {version} is written otherwise"
    at = 10 + max(client, 0) + 1  # the client's name, and no tags
    assert request[at : at + 1] == b"\0", "a transaction"
    at += 1 + 2 + 4 + 1  # acks, timeout, one topic
    name = request[at : at + request[at]]  # its length and 1, then itself
    partition = request[at + request[at] + 1 :][:4]
    return (
        struct.pack(">iB", correlation, 0)
        + b"\2"
        + name
        + b"\2"
        + partition
        + struct.pack(">hqqq", NOT_LEADER_OR_FOLLOWER, -1, -1, -1)
        + b"\1\0\0\0"  # no errors of records, no text, no tags of partition and topic
        + struct.pack(">iB", 0, 0)
    )
