"""Links that an operator fills in while it runs; Airflow keeps them in XCom."""

from __future__ import annotations

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.types import TaskInstanceKey


class JobLink(BaseOperatorLink):
    """An address that the operator has put under this link's name."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow gives it
        """The address, or an empty text as long as there is none; called in the worker."""
        targets: dict[str, str] = getattr(operator, "link_targets", {})
        return targets.get(self.name, "")


class DriverLogLink(JobLink):
    """The driver's log on its worker's page."""

    name = "Driver log"


class SparkUiLink(JobLink):
    """The driver's Spark UI; it ends with the driver."""

    name = "Spark UI"


class SparkMasterLink(JobLink):
    """The page of the master that has the driver."""

    name = "Spark master"
