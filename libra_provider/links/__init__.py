"""Links on a task's page: driver log, Spark UI, master UI."""

from __future__ import annotations

from libra_provider.links.job import (
    DriverLogLink,
    SparkMasterLink,
    SparkUiLink,
    in_xcom,
    targets,
)

__all__ = ["DriverLogLink", "SparkMasterLink", "SparkUiLink", "in_xcom", "targets"]
