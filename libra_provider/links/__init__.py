"""Where a person looks further: links on the task's page."""

from __future__ import annotations

from libra_provider.links.job import (
    DriverLogLink,
    SparkMasterLink,
    SparkUiLink,
    in_xcom,
    targets,
)

__all__ = ["DriverLogLink", "SparkMasterLink", "SparkUiLink", "in_xcom", "targets"]
