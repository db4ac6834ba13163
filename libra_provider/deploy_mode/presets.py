"""What a driver of its own gets that its author left open."""

from __future__ import annotations

from collections.abc import Mapping

from libra_provider.core.decision import Decision, Place
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob

# The lower ends of the ranges in reference/libra.md: what is too small says so, while what is too
# large for every worker waits.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "etl": {"spark.driver.memory": "2g", "spark.driver.cores": "2"},
    "analytics": {"spark.driver.memory": "4g", "spark.driver.cores": "4"},
    "ml": {"spark.driver.memory": "8g", "spark.driver.cores": "8"},
}
# Over a long way, executors and driver are silent for longer than Spark's two minutes.
REMOTE_TIMEOUTS = {"spark.network.timeout": "600s", "spark.rpc.askTimeout": "600s"}


def sized(job: SparkJob, preset: str | None) -> SparkJob:
    """*job* with the driver of *preset*, where its own conf says nothing; raises BadInput."""
    return job if preset is None else job.replace(conf={**preset_of(preset), **job.conf})


def preset_of(name: str) -> Mapping[str, str]:
    """The properties of preset *name*; raises BadInput."""
    if name not in PRESETS:
        raise BadInput("preset", name, f"it is one of {', '.join(PRESETS)}")
    return PRESETS[name]


def defaults_of(decision: Decision, preset: str | None = None) -> dict[str, str]:
    """The properties that a job gets at the place of *decision*, unless its author sets them.

    A driver of its own gets the size of *preset*, and one that Libra starts far from the cluster
    the longer timeouts. The shared driver has all its properties already.
    """
    if decision.place is Place.SHARED:
        return {}
    size = {} if preset is None else dict(preset_of(preset))
    is_far = decision.place is Place.ISOLATED_CLIENT and decision.is_remote
    return size | (REMOTE_TIMEOUTS if is_far else {})
