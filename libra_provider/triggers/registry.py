"""Which triggers share a poller: those of one event loop with equal connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from weakref import WeakKeyDictionary

from airflow.sdk import BaseHook, Connection

from libra_provider.core.job import JobHandle
from libra_provider.core.polling import Watch
from libra_provider.hooks.base import ServerHook
from libra_provider.hooks.servers import server_of
from libra_provider.triggers.log_reader import LogReader
from libra_provider.triggers.poller import MakeLogReader, Poller
from libra_provider.triggers.subscription import Subscription
from libra_provider.triggers.timing import DEFAULT, PollerTiming


async def join(handle: JobHandle, seen: Watch, *, with_log: bool) -> Subscription:
    """Join the poller of the server of *handle*; raises BadInput for an invalid connection."""
    pool = pollers()
    async with pool.lock:
        key = await pool.key(handle)
        # Nothing is awaited here: a poller that was found must not stop before it is joined.
        return pool.pollers[key].join(seen, with_log=with_log)


def pollers(timing: PollerTiming = DEFAULT, *, reader: MakeLogReader = LogReader) -> Pollers:
    """The pollers of the running event loop; the first call decides *timing* and *reader*."""
    return _POLLERS.setdefault(asyncio.get_running_loop(), Pollers(timing, reader))


class Pollers:
    """The pollers of one event loop, by the content of their connections."""

    def __init__(self, timing: PollerTiming, reader: MakeLogReader) -> None:
        self._timing, self._reader = timing, reader
        self.pollers: dict[Hashable, Poller] = {}
        self.lock = asyncio.Lock()
        self._connections: dict[str, tuple[float, Connection]] = {}

    async def key(self, handle: JobHandle) -> Hashable:
        """The key of the poller for *handle*, which is created if there is none."""
        connection = await self._connection(handle.connection_id)
        key = (handle.backend, _content(connection))
        found = self.pollers.get(key)
        if found is None or found.is_over:
            # Airflow masks secrets of the connection here: other tasks run meanwhile.
            server = server_of(handle.backend, handle.connection_id).use(connection)
            self.pollers = {k: each for k, each in self.pollers.items() if not each.is_over}
            renew = _Renewal(server, connection).renew
            self.pollers[key] = Poller(server, renew, self._timing, reader=self._reader)
        return key

    async def _connection(self, connection_id: str) -> Connection:
        """The connection, read now or a moment ago."""
        read_at, found = self._connections.get(connection_id, (0.0, None))
        if found is None or read_at + self._timing.connection_fresh < time.monotonic():
            found = await BaseHook.aget_connection(connection_id)
            self._connections[connection_id] = (time.monotonic(), found)
        return found


class _Renewal:
    """Reads the connection again when the server refuses the credentials: there may be new ones."""

    def __init__(self, server: ServerHook, connection: Connection) -> None:
        self._server, self._content = server, _content(connection)

    async def renew(self) -> None:
        """Read the connection, and use it if it has changed."""
        connection = await BaseHook.aget_connection(self._server.connection_id)
        if _content(connection) != self._content:
            self._content = _content(connection)
            await self._server.aclose()
            self._server.use(connection)


def _content(connection: Connection) -> Hashable:
    """The address and the credentials of *connection*, to compare it with another one."""
    return (
        *(connection.host, connection.port, connection.schema),
        *(connection.login, connection.password, connection.extra),
    )


_POLLERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Pollers] = WeakKeyDictionary()
