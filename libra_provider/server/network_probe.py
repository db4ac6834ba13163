"""Measures the link between Libra and its cluster, on which the choice of a mode depends."""

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
    """The round trip in seconds, and the bandwidth in bits per second, or None if unknown.

    They are measured to a master, since its workers are assumed to be next to it.
    """

    round_trip: float
    bandwidth: float | None
    measured_at: datetime


class NetworkProbe:
    """Measures periodically; ``latest`` is None before the first success, or without a cluster.

    The shared driver is on the same host, so the measurements apply to it.
    """

    def __init__(self, settings: Settings, timing: ProbeTiming = DEFAULT.probe) -> None:
        self._settings, self._timing = settings, timing
        self.latest: NetworkFigures | None = None

    async def run(self) -> None:
        """Measure until cancelled; return at once without a cluster."""
        if not self._settings.master.startswith("spark://"):
            return
        while True:
            measured = await self.measure()
            await asyncio.sleep(self._timing.every if measured else self._timing.again)

    async def measure(self) -> bool:
        """Measure once; return False, and keep the latest figures, if that fails."""
        round_trip = await self._round_trip()
        if round_trip is None:
            return False
        bandwidth = await self._bandwidth(round_trip)
        wide = "" if bandwidth is None else f", bandwidth {readable_bandwidth(bandwidth)}"
        _log.info("Network to the cluster: round trip %s%s", readable_latency(round_trip), wide)
        self.latest = NetworkFigures(
            round_trip=round_trip, bandwidth=bandwidth, measured_at=utc_now()
        )
        return True

    async def _round_trip(self) -> float | None:
        """The time to connect to the first reachable master, which is one round trip."""
        for master in self._settings.master.removeprefix("spark://").split(","):
            host, _, port = master.rpartition(":")
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._timing.within):
                    # Resolved first, so that the lookup of the name does not count.
                    address = await _address(host.strip("[]"), int(port))
                    return min([await _connected(address) for _ in range(_TRIES)])
        return None

    async def _bandwidth(self, round_trip: float) -> float | None:
        """The bandwidth of parallel downloads, the best of a few rounds: the first are slow."""
        verify = verification(self._settings.isolated.verify)
        for url in ui_urls(self._settings):
            client = Client([ServerAddress(url=url, verify=verify)])
            try:
                async with asyncio.timeout(self._timing.within):
                    rounds = [await _downloaded(client) for _ in range(_ROUNDS)]
                    return max(size * 8 / max(s - round_trip, s / 10) for size, s in rounds)
            except LibraError as error:
                _log.info("Could not measure the bandwidth to the cluster: %s", error)
            except TimeoutError:
                _log.info("Could not measure the bandwidth to the cluster: %s is too slow", url)
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
        # Compressed, it would be a fourth of the size.
        headers={"Accept-Encoding": "identity"},
        sink=lambda piece: sizes.append(len(piece)),
    )
    start = time.perf_counter()
    statuses = await asyncio.gather(*(client.asend(call) for _ in range(_AT_ONCE)))
    if set(statuses) != {200}:
        raise LibraError(f"the master's web UI responded with HTTP {statuses[0]} for {_FILE}")
    return sum(sizes), time.perf_counter() - start
