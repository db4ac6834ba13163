"""Links of a task that are filled in while its job runs, and stored in XCom."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.types import TaskInstanceKey

from libra_provider.core.status import DriverLocation


class JobLink(BaseOperatorLink):
    """A link whose URL the operator sets under the link's name."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow gives it
        """The URL, or an empty string if it is not known yet; called in the worker."""
        targets: dict[str, str] = getattr(operator, "link_targets", {})
        return targets.get(self.name, "")


class DriverLogLink(JobLink):
    """The driver's log on its worker's page."""

    name = "Driver log"


class SparkUiLink(JobLink):
    """The driver's Spark UI; it ends with the driver."""

    name = "Spark UI"


class SparkMasterLink(JobLink):
    """The web UI of the driver's master."""

    name = "Spark master"


def targets(location: DriverLocation | None, *, master: str | None = None) -> dict[str, str]:
    """The known URLs of the links, by link name; *master* is the master's web UI."""
    found = {
        SparkMasterLink.name: master,
        DriverLogLink.name: location.log_url if location else None,
        SparkUiLink.name: location.spark_ui if location else None,
    }
    return {name: url for name, url in found.items() if url}


def in_xcom(links: Mapping[str, str]) -> dict[str, str]:
    """*links* by their XCom keys; Airflow itself writes them only when a task ends."""
    keys = {each.name: each().xcom_key for each in (SparkMasterLink, DriverLogLink, SparkUiLink)}
    return {keys[name]: url for name, url in links.items()}
