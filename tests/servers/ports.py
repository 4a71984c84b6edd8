"""Ports for servers that are killed and started again."""

import random
import socket

# Below the range from which systems take the client's side of a connection: a client that keeps knocking at the port of a dead server
# may otherwise be given that very port, connect to itself, and keep the server from coming back.
FIRST, LAST = 15_000, 30_000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
