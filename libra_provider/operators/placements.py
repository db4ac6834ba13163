"""What Libra is told of a job that LibraOperator has decided about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow.sdk import Context

from libra_provider.core.errors import RESULT_TOO_LARGE
from libra_provider.core.job import Mode, SparkJob
from libra_provider.core.paths import located, scheme
from libra_provider.core.polling import Outcome
from libra_provider.core.properties import PROPERTY_OF
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks.libra import LibraHook
from libra_provider.lifecycle.delivery import shipped_file
from libra_provider.operators.statement import LibraStatementOperator

_WAYS_OUT = (
    "a driver of the job's own has room for more (mode='isolated', a preset), as far as Libra's "
    "result_max_bytes allows, and result_path needs neither"
)


class SharedPlan(LibraStatementOperator):
    """SHARED: what is too much for the shared driver is told with the ways out."""

    def settle(self, outcome: Outcome, context: Context) -> Any:
        """The result of a statement that succeeded; raises the JobError of any other end."""
        if is_too_much(outcome.status):
            detail = f"{outcome.status.detail.rstrip('.')}; {_WAYS_OUT}."
            outcome = replace(outcome, status=replace(outcome.status, detail=detail))
        return super().settle(outcome, context)


class IsolatedPlan(LibraStatementOperator):
    """
    ISOLATED: what lies on this machine is shipped to Libra, which starts the job's own driver.

    :param py_files: as SparkClusterJobOperator takes them, and so are the next four.
    :param jars: further JARs.
    :param files: files for each executor.
    :param archives: archives to unpack there.
    :param packages: Maven coordinates.
    """

    def __init__(
        self,
        *,
        py_files: Sequence[str] = (),
        jars: Sequence[str] = (),
        files: Sequence[str] = (),
        archives: Sequence[str] = (),
        packages: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=Mode.ISOLATED, **kwargs)
        self.lists = {"py_files": py_files, "jars": jars, "files": files, "archives": archives}
        self.packages = packages

    def plan(self, context: Context) -> SparkJob:
        """The job with its files as properties; local paths are absolute."""
        beside, job = Path(context["dag"].fileloc).parent, super().plan(context)
        if job.application:
            here = located(job.application, beside, parameter="application")
            job = job.replace(application=here)
        found = {
            PROPERTY_OF[name]: ",".join(located(each, beside, parameter=name) for each in items)
            for name, items in self.lists.items()
            if items
        }
        if self.packages:
            found[PROPERTY_OF["packages"]] = ",".join(self.packages)
        return job.replace(conf={**job.conf, **found})

    def prepare(self, job: SparkJob, tag: str) -> SparkJob:
        """*job* once Libra keeps its files, under the names that Libra gives them."""
        job = super().prepare(job, tag)
        conf = dict(job.conf)
        for name in self.lists:
            if (key := PROPERTY_OF[name]) in conf:
                kept = (self._kept(each, name) for each in conf[key].split(","))
                conf[key] = ",".join(kept)
        application = job.application and self._kept(job.application, "application")
        return job.replace(application=application, conf=conf)

    def _kept(self, path: str, parameter: str) -> str:
        """*path*, if it is a URL, or the name of the file once Libra has it."""
        if scheme(path):
            return path
        assert isinstance(self.server, LibraHook)  # noqa: S101 - its backend is LIBRA
        return shipped_file(self.server, path, parameter=parameter)


def is_too_much(status: JobStatus) -> bool:
    """Whether a statement failed because the shared driver could not hold what it gives."""
    if status.state not in (JobState.FAILED, JobState.LOST):
        return False
    if status.error_class == RESULT_TOO_LARGE:
        # Rows are counted alike wherever the driver runs.
        return "resultLimit=" not in status.detail
    return "out of memory" in status.detail
