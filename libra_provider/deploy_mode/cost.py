"""Predicted seconds of a job with its driver beside Libra, or on a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libra_provider.core.decision import Facts, Place
from libra_provider.core.job import DeployMode
from libra_provider.core.units import MIB


@dataclass(frozen=True, slots=True)
class CostStep:
    """What a driver does once: seconds of its own, and round trips to the cluster."""

    seconds: float
    round_trips: float

    def over(self, round_trip: float) -> float:
        """The seconds it takes where a round trip takes *round_trip* seconds."""
        return self.seconds + self.round_trips * round_trip


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """The constants of a cluster, to be replaced as a whole by what was measured on one.

    The defaults come from the reference measurement (reference/libra.md: 100 GB, 1000 tasks,
    50 executors), read with the round trips and bandwidths that its text names: 0.5 ms and
    10 Gbit/s within a data centre, 50 ms and 100 to 1000 Mbit/s from afar. What the two columns of
    a step differ by is then a number of round trips, and what they share the driver's own work.

    One link speed does not fit the rows of the collects. From afar, 100 MB in 5 s are 20 MB/s, and
    10 GB in 180 s are 57 MB/s; within a data centre it is 200 and 1000 MB/s. The first 100 MB are
    therefore charged ``warm_up`` in proportion, besides the time that the bandwidth asks for.
    """

    source: str = "the reference measurement"
    is_measured: bool = False
    """Whether the constants are those of the user's own cluster; only then do they decide."""

    site_round_trip: float = 0.0005
    """Seconds, within a data centre: "below about 1 ms"."""
    site_bandwidth: float = 10e9
    """Bits per second, within a data centre."""
    remote_round_trip: float = 0.05
    """Seconds, from afar, where nobody has measured it."""
    remote_bandwidth: float = 500e6
    """Bits per second, from afar: the middle of "100-1000 Mbit/s", and the speed of 10 GB."""

    client_driver_start: float = 10.0
    """Seconds until a driver of its own on Libra's host has executors (design.md, section 10)."""
    cluster_driver_start: float = 10.0
    """Seconds until one on a worker has executors; a driver that is warm, SHARED, pays neither."""
    submission: CostStep = CostStep(0.096, 8)
    """0.5 s from afar, 0.1 s on the cluster."""
    dag_creation: CostStep = CostStep(0.29, 18)
    """1.2 s and 0.3 s."""
    task: CostStep = CostStep(0.001485, 0.03)
    """3.0 s and 1.5 s for 1000 tasks: many are launched within one round trip."""
    transfer: CostStep = CostStep(0.0495, 1)
    """0.1 s and 0.05 s for a count, which is nothing but its round trip."""
    warm_up: CostStep = CostStep(0.33, 57)
    """What remains of 5 s and 0.5 s for 100 MB, when the bandwidth has had its time."""
    warm_up_bytes: int = 100 * MIB
    usual_tasks: int = 200
    """Of a job whose number of tasks nobody knows: Spark's spark.sql.shuffle.partitions."""


REFERENCE = CostModel()


@dataclass(frozen=True, slots=True)
class NetworkLink:
    """The way between a driver and its executors: seconds, and bits per second."""

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
    """What a job takes with its driver at *place*; without the work itself if nobody knows that.

    *is_remote* says whether Libra is far from the cluster, and what stands for a way that nobody
    has measured.
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
    """The seconds that *size* bytes take over *link*."""
    warming = min(size / costs.warm_up_bytes, 1.0) * costs.warm_up.over(link.round_trip)
    return costs.transfer.over(link.round_trip) + warming + size * 8 / link.bandwidth


def link_of(place: Place, facts: Facts, *, is_remote: bool, costs: CostModel) -> NetworkLink:
    """The way between a driver at *place* and the executors.

    A worker is at least as near to them as Libra is, or a larger collect could speak against it.
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
