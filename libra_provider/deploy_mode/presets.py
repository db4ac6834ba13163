"""Default properties of a dedicated driver."""

from __future__ import annotations

from collections.abc import Mapping

from libra_provider.core.decision import Decision, Place
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob

# Deliberately small: a driver that is too small fails with a clear error, while one that is too
# large for every worker waits without one.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "etl": {"spark.driver.memory": "2g", "spark.driver.cores": "2"},
    "analytics": {"spark.driver.memory": "4g", "spark.driver.cores": "4"},
    "ml": {"spark.driver.memory": "8g", "spark.driver.cores": "8"},
}
# On a slow network, executors and driver can be silent for longer than Spark's default two minutes.
REMOTE_TIMEOUTS = {"spark.network.timeout": "600s", "spark.rpc.askTimeout": "600s"}


def sized(job: SparkJob, preset: str | None) -> SparkJob:
    """*job* with the driver size of *preset*, unless its conf sets one; raises BadInput."""
    return job if preset is None else job.replace(conf={**preset_of(preset), **job.conf})


def preset_of(name: str) -> Mapping[str, str]:
    """The properties of preset *name*; raises BadInput."""
    if name not in PRESETS:
        raise BadInput("preset", name, f"expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def defaults_of(decision: Decision, preset: str | None = None) -> dict[str, str]:
    """The default properties of a job at the place of *decision*; its own conf overrides them.

    A dedicated driver gets the size of *preset*. A driver that Libra starts remote from the
    cluster gets longer timeouts. The shared driver already has all its properties.
    """
    if decision.place is Place.SHARED:
        return {}
    size = {} if preset is None else dict(preset_of(preset))
    is_remote_driver = decision.place is Place.ISOLATED_CLIENT and decision.is_remote
    return size | (REMOTE_TIMEOUTS if is_remote_driver else {})
