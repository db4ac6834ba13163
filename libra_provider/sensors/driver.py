"""Wait for a driver at a Spark master."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libra_provider.core.job import Backend
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.sensors.base import JobSensor


class SparkDriverSensor(JobSensor):
    """
    Wait for a driver that another task submitted to a Spark standalone master.

    Its result is read by the tag in XCom ``job`` of that task; see ``docs/shipping.md``.

    :param driver_id: the driver's id, such as ``driver-20261120082239-0000`` (templated).
    :param spark_master_conn_id: a connection of type ``spark_master``.

    ``deferrable``, ``patience``: see JobSensor; ``mode``, ``poke_interval``, ``timeout``,
    ``soft_fail``: see Airflow's BaseSensorOperator.
    """

    backend = Backend.SPARK_MASTER
    template_fields: Sequence[str] = ("driver_id", "spark_master_conn_id")

    def __init__(
        self,
        *,
        driver_id: str,
        spark_master_conn_id: str = SparkMasterHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.driver_id = driver_id
        self.spark_master_conn_id = spark_master_conn_id

    @property
    def job_id(self) -> str:
        """The id of the job to wait for."""
        return self.driver_id

    @property
    def connection_id(self) -> str:
        """The connection of its server."""
        return self.spark_master_conn_id
