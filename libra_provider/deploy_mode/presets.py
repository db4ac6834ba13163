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
    return job if preset is None else _with_defaults(job, preset_of(preset))


def preset_of(name: str) -> Mapping[str, str]:
    """The properties of preset *name*; raises BadInput."""
    if name not in PRESETS:
        raise BadInput("preset", name, f"it is one of {', '.join(PRESETS)}")
    return PRESETS[name]


def placed(job: SparkJob, decision: Decision, *, preset: str | None = None) -> SparkJob:
    """*job* as it is sent to where *decision* puts it; what its author said is never changed.

    A driver of its own gets the size of *preset*, and one that Libra starts far from the cluster
    the longer timeouts; a pool of the shared driver is left out.
    """
    if decision.place is Place.SHARED:
        return job.replace(mode=decision.mode, deploy_mode=None)
    own = sized(job, preset)
    if decision.place is Place.ISOLATED_CLIENT and decision.is_remote:
        own = _with_defaults(own, REMOTE_TIMEOUTS)
    return own.replace(mode=decision.mode, deploy_mode=decision.deploy_mode, pool_name=None)


def _with_defaults(job: SparkJob, defaults: Mapping[str, str]) -> SparkJob:
    return job.replace(conf={**defaults, **job.conf})
