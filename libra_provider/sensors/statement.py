"""Wait for a statement on Libra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libra_provider.core.job import Backend
from libra_provider.hooks.libra import LibraHook
from libra_provider.sensors.base import JobSensor


class LibraStatementSensor(JobSensor):
    """
    Wait for a statement that another task, or another program, submitted to Libra.

    :param statement_id: the statement's id (templated).
    :param libra_conn_id: a connection of type ``libra``.

    ``deferrable``, ``patience``: see JobSensor; ``mode``, ``poke_interval``, ``timeout``,
    ``soft_fail``: see Airflow's BaseSensorOperator.
    """

    backend = Backend.LIBRA
    template_fields: Sequence[str] = ("statement_id", "libra_conn_id")

    def __init__(
        self,
        *,
        statement_id: str,
        libra_conn_id: str = LibraHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.statement_id = statement_id
        self.libra_conn_id = libra_conn_id

    @property
    def job_id(self) -> str:
        """The id of the job to wait for."""
        return self.statement_id

    @property
    def connection_id(self) -> str:
        """The connection of its server."""
        return self.libra_conn_id
