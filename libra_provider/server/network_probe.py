"""The way between Libra and its cluster: how long, and how wide. It decides where drivers run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from dataclasses import dataclass
from datetime import datetime

from libra_provider.clients.http.call import Call
from libra_provider.clients.http.client import Client
from libra_provider.clients.http.tls import verification
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.core.errors import LibraError
from libra_provider.core.polling import utc_now
from libra_provider.core.units import readable_bandwidth, readable_latency
from libra_provider.server.masters import ui_urls
from libra_provider.server.settings import Settings
from libra_provider.server.timing import DEFAULT, ProbeTiming

_log = logging.getLogger(__name__)
_TRIES = 5
# The largest file that every master of Spark 3.5 and later serves: 0.7 MB.
_FILE = "/static/dagre-d3.min.js"
_AT_ONCE, _ROUNDS = 4, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFigures:
    """What was measured: seconds there and back, and bits per second, None where nothing came.

    A master stands for its cluster: its workers are beside it.
    """

    round_trip: float
    bandwidth: float | None
    measured_at: datetime


class NetworkProbe:
    """Measures now and then; ``latest`` is None until it has succeeded once, or without a cluster.

    The driver is on the same host, so that what is measured here holds for it.
    """

    def __init__(self, settings: Settings, timing: ProbeTiming = DEFAULT.probe) -> None:
        self._settings, self._timing = settings, timing
        self.latest: NetworkFigures | None = None

    async def run(self) -> None:
        """Measure until cancelled; a driver without a cluster has no way to one."""
        if not self._settings.master.startswith("spark://"):
            return
        while True:
            measured = await self.measure()
            await asyncio.sleep(self._timing.every if measured else self._timing.again)

    async def measure(self) -> bool:
        """Measure once; whether it could be done. What was measured before stays, if not."""
        round_trip = await self._round_trip()
        if round_trip is None:
            return False
        bandwidth = await self._bandwidth(round_trip)
        wide = "" if bandwidth is None else f", over {readable_bandwidth(bandwidth)}"
        _log.info("The cluster is %s away%s", readable_latency(round_trip), wide)
        self.latest = NetworkFigures(
            round_trip=round_trip, bandwidth=bandwidth, measured_at=utc_now()
        )
        return True

    async def _round_trip(self) -> float | None:
        """That of the first master that takes a connection, which is one round trip."""
        for master in self._settings.master.removeprefix("spark://").split(","):
            host, _, port = master.rpartition(":")
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._timing.within):
                    # A look-up of the name would count as a part of the way.
                    address = await _address(host.strip("[]"), int(port))
                    return min([await _connected(address) for _ in range(_TRIES)])
        return None

    async def _bandwidth(self, round_trip: float) -> float | None:
        """That of several downloads at once; the best of a few, as the first ones begin slowly."""
        verify = verification(self._settings.isolated.verify)
        for url in ui_urls(self._settings):
            client = Client([ServerAddress(url=url, verify=verify)])
            try:
                async with asyncio.timeout(self._timing.within):
                    rounds = [await _downloaded(client) for _ in range(_ROUNDS)]
                    return max(size * 8 / max(s - round_trip, s / 10) for size, s in rounds)
            except LibraError as error:
                _log.info("The bandwidth to the cluster is not known: %s", error)
            except TimeoutError:
                _log.info("The bandwidth to the cluster is not known: %s is too slow", url)
            finally:
                await client.aclose()
        return None


async def _address(host: str, port: int) -> tuple[str, int]:
    loop = asyncio.get_running_loop()
    [(*_, address), *_] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(address[0]), port


async def _connected(address: tuple[str, int]) -> float:
    # Not the loop's own time, which uvloop counts in milliseconds.
    start = time.perf_counter()
    _, writer = await asyncio.open_connection(*address)
    seconds = time.perf_counter() - start
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return seconds


async def _downloaded(client: Client) -> tuple[int, float]:
    """The bytes of one round, and its seconds; raises ServerError."""
    sizes: list[int] = []
    call = Call(
        method="GET",
        path=_FILE,
        parse=lambda reply: reply.status,
        # Compressed, it would be a fourth of it that travels.
        headers={"Accept-Encoding": "identity"},
        sink=lambda piece: sizes.append(len(piece)),
    )
    start = time.perf_counter()
    statuses = await asyncio.gather(*(client.asend(call) for _ in range(_AT_ONCE)))
    if set(statuses) != {200}:
        raise LibraError(f"the master's page answers HTTP {statuses[0]} for {_FILE}")
    return sum(sizes), time.perf_counter() - start
