"""Free loopback ports, from below the range that outgoing connections take theirs from.

A port out of that range (`bind` to 0 gives one) could be taken between our look and the server's start, and worse: a
client that keeps trying to reconnect to a dead server on such a port will at last be given the same port as its own, be
connected to itself, and keep the server from ever coming back.
"""

import random
import socket

RANGE = range(20_000, 32_768)  # Linux hands out 32768-60999 by default, macOS 49152-65535

_chance = (
    random.SystemRandom()
)  # not one that may be seeded: two processes with the same seed would draw the same ports


def free_ports(count: int) -> list[int]:
    """`count` different ports that nothing listens on at 127.0.0.1."""
    return [port for port, _ in zip(_candidates(), range(count), strict=False)]


def free_twins(gap: int) -> tuple[int, int]:
    """Two free ports, the second `gap` above the first and still within RANGE."""
    return next((port - gap, port) for port in _candidates() if is_free(port - gap))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections that linger do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _candidates() -> "filter[int]":
    return filter(is_free, _chance.sample(RANGE, len(RANGE)))
