"""Free TCP ports, and waiting for a server to listen."""

import socket
import time


def free_ports(count: int) -> list[int]:
    """Ask the kernel for `count` ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def listening(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket() as sock:
        sock.settimeout(0.2)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def wait_until_listening(port: int, seconds: float, what: str) -> None:
    """Block until the port answers, or raise TimeoutError naming what did not come up."""
    deadline = time.monotonic() + seconds
    while not listening(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not listen on port {port} within {seconds:g} s")
        time.sleep(0.05)
