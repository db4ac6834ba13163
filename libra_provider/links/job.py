"""Links that a task fills in while its job runs; Airflow keeps them in XCom."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.types import TaskInstanceKey

from libra_provider.core.status import DriverLocation


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


def targets(location: DriverLocation | None, *, master: str | None = None) -> dict[str, str]:
    """What the links lead to, by their names, as far as it is known; *master* is its page."""
    found = {
        SparkMasterLink.name: master,
        DriverLogLink.name: location.log_url if location else None,
        SparkUiLink.name: location.spark_ui if location else None,
    }
    return {name: url for name, url in found.items() if url}


def in_xcom(links: Mapping[str, str]) -> dict[str, str]:
    """*links*, by the keys under which Airflow looks for them; it asks at a task's end only."""
    keys = {each.name: each().xcom_key for each in (SparkMasterLink, DriverLogLink, SparkUiLink)}
    return {keys[name]: url for name, url in links.items()}
