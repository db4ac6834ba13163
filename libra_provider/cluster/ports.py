"""Finds and checks free ports on the loopback interface."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import TypeVar

from libra_provider.cluster.process import TAKEN_PORT
from libra_provider.core.errors import BadInput, ServerUnreachable

LOOPBACK = "127.0.0.1"
T = TypeVar("T")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return *count* different ports that were free a moment ago."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def check_free(port: int, *, parameter: str = "port") -> int:
    """Return *port* if it is possible to listen on it; otherwise raise BadInput."""
    with socket.socket() as probe:
        # As servers do: a recently closed connection does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise BadInput(parameter, port, f"{error.strerror}; choose another port") from error
    return port


def is_free(port: int) -> bool:
    """Return whether it is possible to listen on *port*."""
    try:
        return bool(check_free(port))
    except BadInput:
        return False


def is_listening(port: int) -> bool:
    """Return whether *port* accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def with_free_ports(start: Callable[[list[int]], T], count: int, *, tries: int = 5) -> T:
    """Call *start* with *count* free ports, again if another process took one of them meanwhile.

    *start* must leave nothing behind when it raises.
    """
    while True:
        try:
            return start(free_ports(count))
        except ServerUnreachable as error:
            tries -= 1
            if not tries or not TAKEN_PORT.search(str(error)):
                raise
