"""The health of Libra, its driver and its network on the wire."""

from __future__ import annotations

from typing import Literal

from libra_provider import __version__
from libra_provider.server.api.schemas.base import Moment, WireModel
from libra_provider.server.network_probe import NetworkFigures


class SparkBody(WireModel):
    """A driver that accepts statements."""

    version: str
    application_id: str
    master: str | None
    status: Literal["CONNECTED"] = "CONNECTED"
    active_sessions: str
    """A number as a string, as in the old API."""


class NoSparkBody(WireModel):
    """The reason why there is no driver."""

    status: Literal["ERROR"] = "ERROR"
    error: str


class NetworkBody(WireModel):
    """The network between Libra's driver and its cluster, as measured by Libra."""

    round_trip_seconds: float
    bandwidth_bits: float | None
    """Bits per second."""
    measured_at: Moment

    @classmethod
    def of(cls, network: NetworkFigures) -> NetworkBody:
        """Return *network* as it is sent."""
        return cls(
            round_trip_seconds=network.round_trip,
            bandwidth_bits=network.bandwidth,
            measured_at=network.measured_at,
        )


class HealthBody(WireModel):
    """The health by the old API, plus Libra's version, the driver's epoch and the network."""

    status: Literal["UP"] = "UP"
    service: Literal["whereq-libra"] = "whereq-libra"
    version: str = __version__
    epoch: int | None
    catalog: str | None
    """``in-memory`` (tables are lost when the driver ends) or ``hive``."""
    spark: SparkBody | NoSparkBody
    network: NetworkBody | None
    """None if it was not measured yet, or without a cluster."""


class AliveBody(WireModel):
    """The API process responds."""

    status: Literal["alive"] = "alive"


class ReadyBody(WireModel):
    """A statement would start now."""

    status: Literal["ready"] = "ready"
    epoch: int
