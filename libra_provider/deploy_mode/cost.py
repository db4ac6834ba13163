"""Predicts the seconds a job takes with its driver on Libra's host or on a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libra_provider.core.decision import Facts, Place
from libra_provider.core.kinds import DeployMode
from libra_provider.core.units import MIB


@dataclass(frozen=True, slots=True)
class CostStep:
    """A step of a driver: its own seconds, and its round trips to the cluster."""

    seconds: float
    round_trips: float

    def over(self, round_trip: float) -> float:
        """The seconds of this step if a round trip takes *round_trip* seconds."""
        return self.seconds + self.round_trips * round_trip


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """The constants of a cluster; a calibration replaces all of them.

    The defaults come from a reference measurement (100 GB, 1000 tasks, 50 executors) with round
    trips of 0.5 ms and 10 Gbit/s in the same data center, and 50 ms and 100 to 1000 Mbit/s to a
    remote one. The difference between the two sites gives the number of round trips of a step;
    the rest is the driver's own work.

    One link speed does not fit the measured collects. Remotely, 100 MB took 5 s (20 MB/s) and
    10 GB took 180 s (57 MB/s); in the same data center it was 200 and 1000 MB/s. The first 100 MB
    therefore cost ``warm_up`` in proportion, in addition to the time given by the bandwidth.
    """

    source: str = "the reference measurement"
    is_measured: bool = False
    """Whether the constants were measured on this cluster; only then do predictions decide."""

    site_round_trip: float = 0.0005
    """Seconds, in the same data center."""
    site_bandwidth: float = 10e9
    """Bits per second, in the same data center."""
    remote_round_trip: float = 0.05
    """Seconds, to a remote cluster, if not measured."""
    remote_bandwidth: float = 500e6
    """Bits per second, to a remote cluster: midway between 100 and 1000 Mbit/s, and the rate
    measured for 10 GB."""

    client_driver_start: float = 10.0
    """Seconds until a dedicated driver on Libra's host has executors."""
    cluster_driver_start: float = 10.0
    """Seconds until a driver on a worker has executors; the shared driver needs neither."""
    submission: CostStep = CostStep(0.096, 8)
    """0.5 s to a remote cluster, 0.1 s on the cluster."""
    dag_creation: CostStep = CostStep(0.29, 18)
    """1.2 s and 0.3 s."""
    task: CostStep = CostStep(0.001485, 0.03)
    """3.0 s and 1.5 s for 1000 tasks: many are launched within one round trip."""
    transfer: CostStep = CostStep(0.0495, 1)
    """0.1 s and 0.05 s for a count, which is only a round trip."""
    warm_up: CostStep = CostStep(0.33, 57)
    """What remains of 5 s and 0.5 s for 100 MB beyond the time given by the bandwidth."""
    warm_up_bytes: int = 100 * MIB
    usual_tasks: int = 200
    """Assumed number of tasks if unknown: the default of spark.sql.shuffle.partitions."""


REFERENCE = CostModel()


@dataclass(frozen=True, slots=True)
class NetworkLink:
    """The network between a driver and its executors: seconds and bits per second."""

    round_trip: float
    bandwidth: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The seconds of each step."""

    steps: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(self.steps.values())


def predict(
    place: Place, facts: Facts, *, is_remote: bool, costs: CostModel = REFERENCE
) -> Prediction:
    """The predicted time of a job with its driver at *place*; excludes unknown processing time.

    *is_remote* is whether Libra is remote from the cluster; it selects the defaults for a network
    that was not measured.
    """
    link = link_of(place, facts, is_remote=is_remote, costs=costs)
    tasks = facts.tasks.value if facts.tasks else costs.usual_tasks
    times = facts.iterations.value if facts.iterations else 1
    broadcast = transfer_seconds(facts.broadcast.value, link, costs) if facts.broadcast else 0.0
    return Prediction(
        {
            "driver start": _start(place, costs),
            "submission": costs.submission.over(link.round_trip),
            "DAG creation": costs.dag_creation.over(link.round_trip),
            "scheduling": tasks * costs.task.over(link.round_trip),
            "broadcast": times * broadcast,
            "processing": facts.duration.value if facts.duration else 0.0,
            "collect": transfer_seconds(facts.collects.value if facts.collects else 0, link, costs),
        }
    )


def transfer_seconds(size: int, link: NetworkLink, costs: CostModel) -> float:
    """The seconds to transfer *size* bytes over *link*."""
    warming = min(size / costs.warm_up_bytes, 1.0) * costs.warm_up.over(link.round_trip)
    return costs.transfer.over(link.round_trip) + warming + size * 8 / link.bandwidth


def link_of(place: Place, facts: Facts, *, is_remote: bool, costs: CostModel) -> NetworkLink:
    """The network between a driver at *place* and the executors.

    A worker is assumed at least as close to them as Libra is. Otherwise a larger result could make
    the cluster look slower.
    """
    round_trip = costs.remote_round_trip if is_remote else costs.site_round_trip
    bandwidth = costs.remote_bandwidth if is_remote else costs.site_bandwidth
    round_trip = facts.round_trip.value if facts.round_trip else round_trip
    bandwidth = facts.bandwidth.value if facts.bandwidth else bandwidth
    if place.deploy_mode is DeployMode.CLIENT:
        return NetworkLink(round_trip, bandwidth)
    return NetworkLink(min(round_trip, costs.site_round_trip), max(bandwidth, costs.site_bandwidth))


def _start(place: Place, costs: CostModel) -> float:
    return {
        Place.SHARED: 0.0,
        Place.ISOLATED_CLIENT: costs.client_driver_start,
        Place.ISOLATED_CLUSTER: costs.cluster_driver_start,
    }[place]
